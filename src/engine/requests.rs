//! The way from a front end to the engine: a queue of requests, and a **cancel** beside it, which cuts short what the
//! engine waits for in a lab that is to be dropped anyway.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvError, RecvTimeoutError, SendError, Sender};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::Request;

/// A new queue. Fails where no descriptor is left for its cancel.
pub fn channel() -> Result<(RequestSender, RequestQueue), Errno> {
    let (sender, receiver) = mpsc::channel();
    // As a semaphore it counts: each read takes back one, see eventfd(2).
    let flags = EfdFlags::EFD_SEMAPHORE | EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC;
    let cancel = CancelSignal(Arc::new(EventFd::from_value_and_flags(0, flags)?));
    Ok((RequestSender { sender, cancel: cancel.clone() }, RequestQueue { receiver, cancel }))
}

/// The front end's end. Dropping it is as good as a request to quit.
#[derive(Debug)]
pub struct RequestSender {
    sender: Sender<Request>,
    cancel: CancelSignal,
}

impl RequestSender {
    pub fn send(&self, request: Request) -> Result<(), SendError<Request>> {
        // First, so that the engine finds the one with the other.
        if request.is_dropping_lab() {
            let _ = self.cancel.0.write(1);
        }
        self.sender.send(request)
    }
}

impl Drop for RequestSender {
    fn drop(&mut self) {
        // Nobody takes this one back: all waiting is over for good.
        let _ = self.cancel.0.write(1);
    }
}

/// The engine's end.
#[derive(Debug)]
pub struct RequestQueue {
    receiver: Receiver<Request>,
    cancel: CancelSignal,
}

impl RequestQueue {
    pub fn recv(&self) -> Result<Request, RecvError> {
        self.receiver.recv().inspect(|request| self.take_note(request))
    }

    pub fn recv_timeout(&self, timeout: Duration) -> Result<Request, RecvTimeoutError> {
        self.receiver.recv_timeout(timeout).inspect(|request| self.take_note(request))
    }

    /// The signal that cuts the engine's waiting short.
    pub fn cancel_signal(&self) -> CancelSignal {
        self.cancel.clone()
    }

    /// Take back the signal of a request that was taken from the queue.
    fn take_note(&self, request: &Request) {
        if request.is_dropping_lab() {
            let _ = self.cancel.0.read();
        }
    }
}

/// A signal that lasts as long as a request that drops the lab waits in the queue. It counts them: none is forgotten
/// when several come.
#[derive(Debug, Clone)]
pub struct CancelSignal(Arc<EventFd>);

impl CancelSignal {
    pub fn is_requested(&self) -> bool {
        let mut ready = [PollFd::new(self.as_fd(), PollFlags::POLLIN)];
        nix::poll::poll(&mut ready, PollTimeout::ZERO).is_ok_and(|count| count > 0)
    }
}

impl AsFd for CancelSignal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancel_lasts_until_its_own_request_is_served() {
        let (requests, queue) = channel().expect("a queue");
        let cancel = queue.cancel_signal();
        requests.send(Request::PlayNext).expect("it is heard");
        assert!(!cancel.is_requested());

        requests.send(Request::RewindTo { steps: 0 }).expect("it is heard");
        requests.send(Request::RewindTo { steps: 1 }).expect("it is heard");
        assert!(cancel.is_requested());

        assert_eq!(queue.recv(), Ok(Request::PlayNext));
        assert!(cancel.is_requested(), "what is asked for before it is not worth waiting for");
        assert_eq!(queue.recv(), Ok(Request::RewindTo { steps: 0 }));
        assert!(cancel.is_requested(), "there is another one");
        assert_eq!(queue.recv(), Ok(Request::RewindTo { steps: 1 }));
        assert!(!cancel.is_requested());

        drop(requests);
        assert!(cancel.is_requested());
        assert!(queue.recv().is_err());
    }
}
