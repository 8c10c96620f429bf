//! Notes of what the learner did, written down by a thread of its own: a slow disk never holds up the screen, nor a
//! lock the end.

use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::app::ProgressNote;
use crate::notice::FileNotice;
use crate::progress::{LearningWay, Progress};

/// The longest that the end waits for the last note to be written.
const FINISH_TIMEOUT: Duration = Duration::from_secs(3);

/// Writes notes until it is dropped.
#[derive(Debug)]
pub struct ProgressWriter {
    notes: Option<Sender<KeptNote>>,
    /// Ends when all is written.
    done: Receiver<()>,
    trouble: Trouble,
}

/// Something to write down.
#[derive(Debug)]
enum KeptNote {
    /// Of a lesson, by the name under which it is kept.
    Lesson(String, ProgressNote),
    Way(LearningWay),
}

/// The latest thing that went wrong and was not told yet.
type Trouble = Arc<Mutex<Option<FileNotice>>>;

impl ProgressWriter {
    /// Start the thread that writes. Without a directory nothing is kept.
    pub fn start(dir: Option<PathBuf>) -> ProgressWriter {
        let trouble = Trouble::default();
        let (writes, done) = mpsc::channel();
        let Some(dir) = dir else { return ProgressWriter { notes: None, done, trouble } };
        let (notes, received) = mpsc::channel();
        let said = Arc::clone(&trouble);
        std::thread::spawn(move || {
            write(&dir, &received, &said);
            drop(writes);
        });
        ProgressWriter { notes: Some(notes), done, trouble }
    }

    /// Have it written; returns what went wrong with an earlier one.
    pub fn queue(&self, lesson: &str, note: &ProgressNote) -> Option<FileNotice> {
        self.send(KeptNote::Lesson(lesson.to_owned(), note.clone()))
    }

    /// The same for the way that the learner has chosen.
    pub fn queue_way(&self, way: LearningWay) -> Option<FileNotice> {
        self.send(KeptNote::Way(way))
    }

    fn send(&self, note: KeptNote) -> Option<FileNotice> {
        if let Some(notes) = &self.notes {
            let _ = notes.send(note);
        }
        take(&self.trouble)
    }

    /// Wait until all is written, or can't be; returns what went wrong.
    pub fn finish_writing(mut self) -> Option<FileNotice> {
        self.notes = None;
        match self.done.recv_timeout(FINISH_TIMEOUT) {
            // A file is replaced whole or not at all: leaving now breaks none.
            Err(mpsc::RecvTimeoutError::Timeout) => {
                take(&self.trouble).or(Some(FileNotice::ProgressTooSlow))
            }
            Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => take(&self.trouble),
        }
    }
}

/// Write what comes until no more can. What could not be written is tried again with the next, and once more at the
/// end.
fn write(dir: &std::path::Path, received: &Receiver<KeptNote>, said: &Trouble) {
    let mut batch: Vec<KeptNote> = Vec::new();
    let mut is_told = false;
    let mut is_over = false;

    while !is_over {
        match received.recv() {
            Ok(first) => batch.push(first),
            Err(mpsc::RecvError) => is_over = true,
        }
        batch.extend(received.try_iter());
        if batch.is_empty() {
            continue;
        }

        let written = Progress::update(dir, |progress| {
            batch.iter().for_each(|note| match note {
                KeptNote::Lesson(lesson, note) => apply(progress, lesson, note),
                KeptNote::Way(way) => progress.note_way(*way),
            });
        });
        match written {
            Ok((_, notice)) => {
                batch.clear();
                is_told = false;
                tell(said, notice);
            }
            // Said once, and at the end: the next try may work.
            Err(error) if !is_told || is_over => {
                is_told = true;
                let error = error.to_string();
                tell(said, Some(FileNotice::ProgressNotKept { error }));
            }
            Err(_) => {}
        }
    }
}

fn tell(said: &Trouble, trouble: Option<FileNotice>) {
    if trouble.is_some() {
        *said.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}

fn take(trouble: &Trouble) -> Option<FileNotice> {
    trouble.lock().unwrap_or_else(PoisonError::into_inner).take()
}

fn apply(progress: &mut Progress, lesson: &str, note: &ProgressNote) {
    match note {
        ProgressNote::Reached(played) => progress.note_reached(lesson, *played),
        ProgressNote::Step { id, how, hints } => progress.note_step(lesson, id, *how, *hints),
        ProgressNote::Answer { question, mark } => progress.note_answer(lesson, question, *mark),
    }
}

#[cfg(test)]
mod tests {
    use nix::fcntl::{Flock, FlockArg};

    use super::*;
    use crate::words::file_notice;

    #[test]
    fn all_is_written_at_the_end() {
        let dir = tempfile::tempdir().expect("a directory");
        let writer = ProgressWriter::start(Some(dir.path().to_owned()));
        (1..=9).for_each(|played| drop(writer.queue("build", &ProgressNote::Reached(played))));
        drop(writer.queue_way(LearningWay::Typed));
        assert_eq!(writer.finish_writing(), None);
        let kept = Progress::load(dir.path()).0;
        assert_eq!((kept.reached_steps("build"), kept.way()), (Some(9), Some(LearningWay::Typed)));
        assert_eq!(ProgressWriter::start(None).finish_writing(), None);
    }

    #[test]
    fn a_lock_held_by_another_holds_up_nothing_and_what_was_not_written_is_once_it_can_be() {
        let dir = tempfile::tempdir().expect("a directory");
        let lock = std::fs::File::create(dir.path().join("progress.lock")).expect("a file");
        let lock = Flock::lock(lock, FlockArg::LockExclusive).expect("a lock");
        let writer = ProgressWriter::start(Some(dir.path().to_owned()));
        writer.queue("build", &ProgressNote::Reached(1));

        let said = loop {
            if let Some(said) = take(&writer.trouble) {
                break file_notice(&said);
            }
            std::thread::yield_now();
        };
        assert!(said.contains("progress is not kept") && said.contains("progress.lock"), "{said}");

        drop(lock);
        writer.queue("other", &ProgressNote::Reached(1));
        assert_eq!(writer.finish_writing(), None);
        let kept = Progress::load(dir.path()).0;
        assert_eq!((kept.reached_steps("build"), kept.reached_steps("other")), (Some(1), Some(1)));
    }

    #[test]
    fn the_end_says_what_could_not_be_kept() {
        let dir = tempfile::tempdir().expect("a directory");
        let lock = std::fs::File::create(dir.path().join("progress.lock")).expect("a file");
        let _lock = Flock::lock(lock, FlockArg::LockExclusive).expect("a lock");
        let writer = ProgressWriter::start(Some(dir.path().to_owned()));
        writer.queue("build", &ProgressNote::Reached(1));
        assert!(
            writer
                .finish_writing()
                .is_some_and(|said| file_notice(&said).contains("progress is not kept"))
        );
    }
}
