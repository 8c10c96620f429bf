//! The errno of what the standard library reports.

use nix::errno::Errno;

/// The errno of an error, or of the one that it was made of; EIO where there is none.
pub fn to_errno(error: std::io::Error) -> Errno {
    let mut number = error.raw_os_error();
    let mut cause = error.get_ref().and_then(|inner| inner.source());
    while let (None, Some(inner)) = (number, cause) {
        number = inner.downcast_ref::<std::io::Error>().and_then(std::io::Error::raw_os_error);
        cause = inner.source();
    }
    number.map_or(Errno::EIO, Errno::from_raw)
}
