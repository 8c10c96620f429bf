//! The terminals of the learner's shells: a thread reads each, another writes, so that neither a flood nor a program
//! that does not listen holds up the screen.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::Incoming;
use crate::app::Msg;
use crate::engine::ShellTerminal;
use crate::kernel::pty::{self, TerminalSize};

/// Bytes that may wait for the screen; a program that prints more waits itself.
const WAITING: usize = 64 * 1024;
/// How long a flood pauses after each full load: the screen is drawn some sixty times a second, and keys come between.
const PAUSE: Duration = Duration::from_millis(12);

/// All open terminals, by tab.
#[derive(Default)]
pub struct Terminals {
    open: BTreeMap<u32, Open>,
}

struct Open {
    master: Arc<OwnedFd>,
    outlet: Arc<Outlet>,
    keys: Sender<Vec<u8>>,
}

/// What was printed and not yet drawn.
#[derive(Default)]
struct Outlet {
    bytes: Mutex<Vec<u8>>,
    room: Condvar,
}

impl Terminals {
    pub fn add(&mut self, tab: u32, terminal: ShellTerminal, sender: Sender<Incoming>) {
        let outlet = Arc::new(Outlet::default());
        let (keys, typed) = mpsc::channel::<Vec<u8>>();
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

    /// What the tab's programs printed since the last time.
    pub fn take(&self, tab: u32) -> Vec<u8> {
        let Some(open) = self.open.get(&tab) else { return Vec::new() };
        let taken = std::mem::take(&mut *open.outlet.bytes.lock().unwrap_or_else(PoisonError::into_inner));
        open.outlet.room.notify_one();
        taken
    }

    pub fn type_bytes(&self, tab: u32, bytes: Vec<u8>) {
        if let Some(open) = self.open.get(&tab) {
            let _ = open.keys.send(bytes);
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
fn read(tab: u32, terminal: &ShellTerminal, outlet: &Outlet, sender: &Sender<Incoming>) {
    let Ok(master) = terminal.master.try_clone() else { return };
    let mut master = std::fs::File::from(master);
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = master.read(&mut buffer) {
        terminal.transcript.hear(&buffer[..count]);
        let mut bytes = outlet.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let is_flood = bytes.len() + count > WAITING;
        if is_flood {
            let waited = outlet.room.wait_timeout_while(bytes, Duration::from_secs(1), |bytes| !bytes.is_empty());
            bytes = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let was_empty = bytes.is_empty();
        bytes.extend_from_slice(&buffer[..count]);
        drop(bytes);
        if was_empty && sender.send(Incoming::Printed(tab)).is_err() {
            return;
        }
        if is_flood {
            std::thread::sleep(PAUSE);
        }
    }
    let _ = sender.send(Incoming::App(Msg::ShellEnded(tab)));
}
