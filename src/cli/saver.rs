//! What the learner did, written down by a thread of its own: a slow disk never holds up the screen.

use std::path::PathBuf;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::app::Note;
use crate::progress::Progress;

/// Writes notes until it is dropped, which waits for the last one.
#[derive(Debug)]
pub struct Saver {
    notes: Option<Sender<(String, Note)>>,
    thread: Option<JoinHandle<()>>,
    trouble: Arc<Mutex<Option<String>>>,
}

impl Saver {
    /// Without a directory nothing is kept.
    pub fn start(dir: Option<PathBuf>) -> Saver {
        let trouble = Arc::new(Mutex::new(None));
        let Some(dir) = dir else { return Saver { notes: None, thread: None, trouble } };
        let (notes, received) = mpsc::channel::<(String, Note)>();
        let said = Arc::clone(&trouble);
        let thread = std::thread::spawn(move || {
            let mut is_told = false;
            while let Ok(first) = received.recv() {
                let batch: Vec<(String, Note)> = std::iter::once(first).chain(received.try_iter()).collect();
                let written = Progress::change(&dir, |progress| {
                    batch.iter().for_each(|(lesson, note)| apply(progress, lesson, note));
                });
                let trouble = match written {
                    Ok((_, notice)) => notice,
                    // Said once: the next try may work.
                    Err(_) if is_told => None,
                    Err(error) => {
                        is_told = true;
                        Some(format!("progress can't be kept in {}: {error}", dir.display()))
                    }
                };
                if trouble.is_some() {
                    *said.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
                }
            }
        });
        Saver { notes: Some(notes), thread: Some(thread), trouble }
    }

    /// Have it written; returns what went wrong with an earlier one.
    pub fn remember(&self, lesson: &str, note: &Note) -> Option<String> {
        if let Some(notes) = &self.notes {
            let _ = notes.send((lesson.to_owned(), note.clone()));
        }
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Saver {
    fn drop(&mut self) {
        self.notes = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn apply(progress: &mut Progress, lesson: &str, note: &Note) {
    match note {
        Note::Played(played) => progress.note(lesson, *played),
        Note::Step { id, how, hints } => progress.note_step(lesson, id, *how, *hints),
        Note::Answer { question, mark } => progress.note_answer(lesson, question, *mark),
    }
}
