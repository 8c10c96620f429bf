//! The words on an image that is laid out for the labs.

use crate::laid_out::{UnpackProgress, UnpackedImage};

/// `unpacking the image: 42 %`, for the time until the first lab; `42 MiB` where nobody knows how much it will be.
pub fn unpacking(progress: UnpackProgress) -> String {
    let Some(total) = progress.total else {
        return format!("unpacking the image: {} MiB", progress.done >> 20);
    };
    let percent = progress.done.min(total) * 100 / total.max(1);
    format!("unpacking the image: {percent} %")
}

/// `The image: 2 layers, 19 entries, 1.9 MiB.`, and what of it the lab does not have.
pub fn unpacked(tally: &UnpackedImage) -> String {
    let layers =
        if tally.layers == 1 { "1 layer".into() } else { format!("{} layers", tally.layers) };
    let mebibytes = tally.bytes as f64 / f64::from(1 << 20);
    let mut text = format!("The image: {layers}, {} entries, {mebibytes:.1} MiB.", tally.entries);
    let lacks = [
        (
            tally.added,
            ("directory is", "directories are"),
            "added, empty: lessons mount something there",
        ),
        (
            tally.devices,
            ("device node is", "device nodes are"),
            "left out: a lab has its own in /dev",
        ),
        (
            tally.unmapped,
            ("entry belongs", "entries belong"),
            "to root in the lab, which lacks the id of the owner",
        ),
        (
            tally.unreadable,
            ("entry is", "entries are"),
            "left out, since the ids of the lab may not read it: use a tar file of the directory",
        ),
    ];
    for (count, (one, more), what) in lacks.into_iter().filter(|(count, ..)| *count > 0) {
        text.push_str(&format!(" {count} {} {what}.", if count == 1 { one } else { more }));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_lab_lacks_of_an_image_is_said() {
        let whole =
            UnpackedImage { layers: 1, entries: 19, bytes: 2 << 20, ..UnpackedImage::default() };
        assert_eq!(unpacked(&whole), "The image: 1 layer, 19 entries, 2.0 MiB.");
        let lacking = UnpackedImage { layers: 2, added: 1, devices: 3, ..whole };
        assert_eq!(
            unpacked(&lacking),
            "The image: 2 layers, 19 entries, 2.0 MiB. 1 directory is added, empty: lessons mount something there. \
             3 device nodes are left out: a lab has its own in /dev."
        );
        let said = |done, total| unpacking(UnpackProgress { done, total });
        assert_eq!(said(1, Some(3)), "unpacking the image: 33 %");
        assert_eq!(said(0, Some(0)), "unpacking the image: 0 %");
        assert_eq!(said(5 << 20, None), "unpacking the image: 5 MiB");
    }
}
