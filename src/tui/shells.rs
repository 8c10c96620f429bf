//! The terminals of the learner's shells: a thread reads each, another writes, so that neither a flood nor a program
//! that does not listen holds up the screen.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Incoming;
use crate::app::Msg;
use crate::engine::ShellTerminal;
use crate::kernel::pty::{self, TerminalSize};

/// Bytes that may wait for the screen; a program that prints more waits itself.
const MAX_WAITING_BYTES: usize = 64 * 1024;
/// Keys, pastes and the emulator's own answers that may wait for a program to read them.
const MAX_UNREAD_INPUTS: usize = 1024;
/// The pause of a flood after each full load: the screen is drawn some sixty times a second, and keys come between.
const FLOOD_PAUSE: Duration = Duration::from_millis(12);

/// All open terminals, by tab.
#[derive(Default)]
pub struct ShellTerminals {
    open: BTreeMap<u32, Open>,
}

struct Open {
    master: Arc<OwnedFd>,
    outlet: Arc<Outlet>,
    keys: SyncSender<Vec<u8>>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.outlet.printed().is_closed = true;
        self.outlet.room.notify_all();
    }
}

#[derive(Default)]
struct Outlet {
    printed: Mutex<Printed>,
    room: Condvar,
}

/// Bytes that were printed and not yet drawn.
#[derive(Default)]
struct Printed {
    bytes: Vec<u8>,
    /// Nobody draws it any more.
    is_closed: bool,
}

impl Outlet {
    fn printed(&self) -> MutexGuard<'_, Printed> {
        self.printed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Add what was printed, once there is room for it: until then the terminal is not read, and whoever prints there
    /// waits. Tells whether there was nothing, and whether there had been too much; None once nobody draws it.
    fn put(&self, more: &[u8]) -> Option<(bool, bool)> {
        let mut printed = self.printed();
        let is_flood = printed.bytes.len() + more.len() > MAX_WAITING_BYTES;
        if is_flood {
            // Until all of it is taken: a flood comes in full loads, with a pause after each.
            let waits = |printed: &mut Printed| !printed.bytes.is_empty() && !printed.is_closed;
            printed = self.room.wait_while(printed, waits).unwrap_or_else(PoisonError::into_inner);
        }
        if printed.is_closed {
            return None;
        }

        let was_empty = printed.bytes.is_empty();
        printed.bytes.extend_from_slice(more);
        Some((was_empty, is_flood))
    }

    fn take(&self) -> Vec<u8> {
        let taken = std::mem::take(&mut self.printed().bytes);
        self.room.notify_one();
        taken
    }
}

impl ShellTerminals {
    pub fn add(&mut self, tab: u32, terminal: ShellTerminal, sender: SyncSender<Incoming>) {
        let outlet = Arc::new(Outlet::default());
        let (keys, typed) = mpsc::sync_channel::<Vec<u8>>(MAX_UNREAD_INPUTS);
        let (master, own) = (Arc::clone(&terminal.master), Arc::clone(&outlet));
        std::thread::spawn(move || read(tab, &terminal, &own, &sender));

        let Ok(writer) = master.try_clone() else { return };
        std::thread::spawn(move || {
            let mut writer = std::fs::File::from(writer);
            while let Ok(bytes) = typed.recv() {
                if writer.write_all(&bytes).is_err() {
                    return;
                }
            }
        });

        self.open.insert(tab, Open { master, outlet, keys });
    }

    /// The bytes that the tab's programs printed since the last time.
    pub fn take_output(&self, tab: u32) -> Vec<u8> {
        let Some(open) = self.open.get(&tab) else { return Vec::new() };
        open.outlet.take()
    }

    pub fn type_bytes(&self, tab: u32, bytes: Vec<u8>) {
        if let Some(open) = self.open.get(&tab) {
            // A program that reads nothing is told no more: a terminal, too, drops what nobody reads.
            let _ = open.keys.try_send(bytes);
        }
    }

    pub fn resize(&self, tab: u32, size: TerminalSize) {
        if let Some(open) = self.open.get(&tab) {
            // A terminal whose programs have just ended takes no size: nobody misses it.
            let _ = pty::resize(&open.master, size);
        }
    }

    pub fn remove(&mut self, tab: u32) {
        self.open.remove(&tab);
    }
}

/// Until the last program lets go of the terminal (EIO), or nobody draws it any more.
fn read(tab: u32, terminal: &ShellTerminal, outlet: &Outlet, sender: &SyncSender<Incoming>) {
    let Ok(master) = terminal.master.try_clone() else { return };
    let mut master = std::fs::File::from(master);
    let mut buffer = [0; 16 * 1024];

    while let Ok(count @ 1..) = master.read(&mut buffer) {
        terminal.transcript.append(&buffer[..count]);
        let Some((was_empty, is_flood)) = outlet.put(&buffer[..count]) else { return };
        // One message for all that waits: the screen takes it as a whole.
        if was_empty && sender.send(Incoming::Printed(tab)).is_err() {
            return;
        }
        if is_flood {
            std::thread::sleep(FLOOD_PAUSE);
        }
    }

    let _ = sender.send(Incoming::App(Msg::ShellEnded(tab)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_waits_for_the_screen_and_not_in_memory() {
        let outlet = Arc::new(Outlet::default());
        let (own, total) = (Arc::clone(&outlet), 64);
        let (put, done) = mpsc::channel();
        let printer = std::thread::spawn(move || {
            for _ in 0..total {
                own.put(&[b'y'; 16 * 1024])?;
                put.send(()).ok()?;
            }
            Some(())
        });

        // As much as there is room for, and then nothing more.
        (0..4).for_each(|_| done.recv_timeout(Duration::from_secs(30)).expect("room"));
        assert!(done.recv_timeout(Duration::from_millis(300)).is_err());
        assert_eq!(outlet.printed().bytes.len(), MAX_WAITING_BYTES);

        let mut taken = 0;
        while taken < total * 16 * 1024 {
            taken += outlet.take().len();
            assert!(outlet.printed().bytes.len() <= MAX_WAITING_BYTES);
        }
        assert_eq!(printer.join().expect("it ends"), Some(()));
    }

    #[test]
    fn a_closed_outlet_lets_its_reader_go() {
        let outlet = Arc::new(Outlet::default());
        let own = Arc::clone(&outlet);
        let printer = std::thread::spawn(move || while own.put(&[b'y'; 16 * 1024]).is_some() {});
        let master =
            Arc::new(OwnedFd::from(std::fs::File::open("/dev/null").expect("a descriptor")));
        drop(Open { master, outlet, keys: mpsc::sync_channel(1).0 });
        printer.join().expect("it ends");
    }
}
