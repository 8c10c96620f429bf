//! The format of tapes: JSON, one object a line, packed by zstd (`zstd -dc FILE` shows it).
//!
//! The first line is the `TapeHeader`. Then, in any order that names nothing before it was there: `snapshot` (they are
//! numbered from 0), `moment` (one before each step and one at the end), `step`, `branch`; and last `end`, which says
//! how many lines came before, so that a cut tape is known for one. `moment`, `step` and `branch` name their snapshots
//! by number; what differs between two snapshots is not written but found again.
//!
//! A tape may come from anybody: sizes are bounded before anything is kept, and every number is checked. A byte of a
//! packed tape can stand for a thousand, and a byte of its text for dozens in memory: so values are counted too.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{FORMAT_VERSION, RecordedBranch, RecordedState, Tape, TapeHeader};
use crate::action::LabFacts;
use crate::proof::Proof;
use crate::report::{LabInfo, StepRecord};
use crate::snapshot::{Network, Snapshot};

/// The most bytes of a tape as a file. The program's own have 20 KiB at most, 900 KiB unpacked, and 110,000 values.
const MAX_PACKED: u64 = 4 << 20;
/// The most bytes of a tape, of a line, and of one text in it, unpacked.
const MAX_UNPACKED: u64 = 32 << 20;
const MAX_LINE: u64 = 4 << 20;
const MAX_TEXT: usize = 512 << 10;
/// The most numbers, texts, lists and maps of a tape.
const MAX_VALUES: usize = 1_000_000;
/// The most rows of one list of a snapshot.
const MAX_ROWS: usize = 2000;
/// The most rows of all comparisons that a tape asks for: an export makes every one of them. The program's own tapes
/// ask for 7,000 at most.
const MAX_COMPARED: usize = 300_000;
/// The settings of zstd: the memory that a reader has to keep, as a power of two of bytes; the effort of a writer.
const WINDOW_LOG: u32 = 24;
const LEVEL: i32 = 19;

/// The reason why a file is not a tape that can be played.
#[derive(Debug, thiserror::Error)]
pub enum TapeError {
    #[error("it could not be read")]
    Io(#[from] io::Error),
    #[error("it is not a tape")]
    NotATape,
    #[error("it is a tape of format {0}; this program plays format {FORMAT_VERSION}")]
    OtherFormat(u32),
    #[error("it is cut short")]
    Cut,
    #[error("it is larger than a tape can be")]
    TooLarge,
    #[error("line {line} is damaged: {why}")]
    Damaged { line: usize, why: String },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Snapshot(Box<Snapshot>),
    Moment { lab: LabInfo, live: usize, context: LabFacts },
    Step(Kept),
    Branch { step: usize, branch: usize, kept: Kept },
    End { lines: usize, proof: Proof },
}

/// A record, its snapshots by number.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    before: usize,
    after: usize,
    record: StepRecord,
}

/// Write a tape.
pub fn write(tape: &Tape, out: impl Write) -> io::Result<()> {
    let mut encoder = zstd::Encoder::new(out, LEVEL)?;
    encoder.long_distance_matching(true)?;
    encoder.window_log(WINDOW_LOG)?;
    encoder.include_checksum(true)?;

    let mut writer = Writer { out: encoder, lines: 0, snapshots: Vec::new() };
    writer.line(&tape.header)?;
    for (index, moment) in tape.states.iter().enumerate() {
        let live = writer.number(&moment.live)?;
        writer.line(&Line::Moment {
            lab: moment.lab.clone(),
            live,
            context: moment.context.clone(),
        })?;
        for taken in tape.branches.iter().filter(|taken| taken.step == index) {
            let kept = writer.kept(&taken.record)?;
            writer.line(&Line::Branch { step: taken.step, branch: taken.branch, kept })?;
        }
        if let Some(record) = tape.records.get(index) {
            let kept = writer.kept(record)?;
            writer.line(&Line::Step(kept))?;
        }
    }

    let lines = writer.lines;
    writer.line(&Line::End { lines, proof: tape.proof.clone() })?;
    writer.out.finish()?.flush()
}

struct Writer<W: Write> {
    out: zstd::Encoder<'static, W>,
    lines: usize,
    snapshots: Vec<Arc<Snapshot>>,
}

impl<W: Write> Writer<W> {
    fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, value)?;
        self.out.write_all(b"\n")?;
        self.lines += 1;
        Ok(())
    }

    /// The snapshot's number; it is written where it is new.
    fn number(&mut self, snapshot: &Arc<Snapshot>) -> io::Result<usize> {
        if let Some(known) = self.snapshots.iter().rposition(|known| known == snapshot) {
            return Ok(known);
        }
        self.line(&Line::Snapshot(Box::new(Snapshot::clone(snapshot))))?;
        self.snapshots.push(Arc::clone(snapshot));
        Ok(self.snapshots.len() - 1)
    }

    fn kept(&mut self, record: &StepRecord) -> io::Result<Kept> {
        Ok(Kept {
            before: self.number(&record.before)?,
            after: self.number(&record.after)?,
            record: record.clone(),
        })
    }
}

/// Read a tape.
pub fn read(from: impl Read) -> Result<Tape, TapeError> {
    let mut reader = Reader::new(from)?;
    let header = reader.header()?;
    let mut tape = Tape {
        header,
        states: Vec::new(),
        records: Vec::new(),
        branches: Vec::new(),
        proof: Proof::default(),
    };

    let mut snapshots: Vec<CountedSnapshot> = Vec::new();
    let mut compared = 0;
    let mut taken = BTreeSet::new();

    loop {
        let line: Line = reader.line()?;
        let number = reader.lines;
        let damaged = |why: &str| TapeError::Damaged { line: number, why: why.to_owned() };
        let seen = |index: usize| {
            snapshots.get(index).ok_or_else(|| damaged("it names a snapshot that was not there"))
        };
        let steps = tape.header.steps.len();
        match line {
            Line::Snapshot(snapshot) => {
                snapshots.push(CountedSnapshot::new(snapshot)?);
            }
            Line::Moment { lab, live, context } => {
                tape.states.push(RecordedState {
                    lab,
                    live: Arc::clone(&seen(live)?.snapshot),
                    context,
                });
            }
            Line::Step(Kept { before, after, record }) => {
                let record = restored(record, seen(before)?, seen(after)?, &mut compared)?;
                if record.step != tape.records.len() || record.step >= steps {
                    return Err(damaged("it is of another step"));
                }
                tape.records.push(Arc::new(record));
            }
            Line::Branch { step, branch, kept: Kept { before, after, record } } => {
                let record = restored(record, seen(before)?, seen(after)?, &mut compared)?;
                if step >= steps || record.step != step {
                    return Err(damaged("it is of another step"));
                }
                if !taken.insert((step, branch)) {
                    return Err(damaged("it is of a what-if that was there before"));
                }
                tape.branches.push(RecordedBranch { step, branch, record: Arc::new(record) });
            }
            Line::End { lines, proof } => {
                tape.proof = proof;
                let is_whole = lines + 1 == number
                    && tape.records.len() == steps
                    && tape.states.len() == steps + 1;
                if !is_whole {
                    return Err(damaged("lines are missing before it"));
                }
                return reader.end().map(|()| tape);
            }
        }
    }
}

/// Read only the header: to list tapes.
pub fn read_header(from: impl Read) -> Result<TapeHeader, TapeError> {
    Reader::new(from)?.header()
}

struct Reader<R: Read> {
    from: io::Take<BufReader<zstd::Decoder<'static, BufReader<io::Take<R>>>>>,
    lines: usize,
    /// Values read so far.
    values: usize,
}

impl<R: Read> Reader<R> {
    fn new(from: R) -> Result<Self, TapeError> {
        let mut from = BufReader::new(from.take(MAX_PACKED));
        if !from.fill_buf()?.starts_with(&zstd::zstd_safe::MAGICNUMBER.to_le_bytes()) {
            return Err(TapeError::NotATape);
        }
        let mut decoder = zstd::Decoder::with_buffer(from)?;
        decoder.window_log_max(WINDOW_LOG)?;
        Ok(Reader { from: BufReader::new(decoder).take(MAX_UNPACKED), lines: 0, values: 0 })
    }

    fn header(&mut self) -> Result<TapeHeader, TapeError> {
        #[derive(Deserialize)]
        struct Format {
            unboxed_tape: u32,
        }

        // Of another format nothing but its number is known.
        let text = self.text()?;
        let Format { unboxed_tape } =
            serde_json::from_slice(&text).map_err(|_| TapeError::NotATape)?;
        if unboxed_tape != FORMAT_VERSION {
            return Err(TapeError::OtherFormat(unboxed_tape));
        }
        self.parsed(&text)
    }

    fn line<T: DeserializeOwned>(&mut self) -> Result<T, TapeError> {
        let text = self.text()?;
        self.parsed(&text)
    }

    fn count(&mut self, text: &[u8]) -> Result<(), TapeError> {
        let (values, longest) = measure(text);
        self.values += values;
        if self.values > MAX_VALUES || longest > MAX_TEXT {
            Err(TapeError::TooLarge)
        } else {
            Ok(())
        }
    }

    /// Read to the end. Nothing comes after the last line but the checksum of all, which is looked at only then.
    fn end(mut self) -> Result<(), TapeError> {
        let mut rest = [0];
        match self.from.read(&mut rest) {
            Ok(0) => Ok(()),
            Ok(_) => Err(TapeError::Damaged {
                line: self.lines + 1,
                why: "it comes after the end".into(),
            }),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(TapeError::Cut),
            Err(error) => Err(error.into()),
        }
    }

    fn parsed<T: DeserializeOwned>(&self, text: &[u8]) -> Result<T, TapeError> {
        serde_json::from_slice(text).map_err(|error| TapeError::Damaged {
            line: self.lines,
            why: crate::text::safe(&error.to_string()),
        })
    }

    fn text(&mut self) -> Result<Vec<u8>, TapeError> {
        let mut text = Vec::new();
        let read = (&mut self.from).take(MAX_LINE).read_until(b'\n', &mut text);
        self.lines += 1;
        match read {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(TapeError::Cut);
            }
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }

        if text.pop() == Some(b'\n') {
            self.count(&text)?;
            return Ok(text);
        }

        // A line without an end was cut by a bound of ours, or written so.
        let was_bounded = text.len() as u64 + 1 >= MAX_LINE || self.from.limit() == 0;
        Err(if was_bounded { TapeError::TooLarge } else { TapeError::Cut })
    }
}

/// The values of a line of JSON, and the bytes of its longest text.
fn measure(text: &[u8]) -> (usize, usize) {
    let (mut values, mut longest) = (1, 0);
    let mut begin = None;
    let mut is_escaped = false;

    for (at, byte) in text.iter().enumerate() {
        match (begin, byte) {
            (Some(_), _) if is_escaped => is_escaped = false,
            (Some(_), b'\\') => is_escaped = true,
            (Some(start), b'"') => {
                longest = longest.max(at - start);
                begin = None;
            }
            (Some(_), _) => {}
            (None, b'"') => begin = Some(at),
            (None, b'[' | b'{' | b',' | b':') => values += 1,
            (None, _) => {}
        }
    }

    (values, longest.max(begin.map_or(0, |start| text.len() - start)))
}

/// The record with its snapshots, whose comparison counts among those that the tape asks for.
fn restored(
    record: StepRecord,
    before: &CountedSnapshot,
    after: &CountedSnapshot,
    compared: &mut usize,
) -> Result<StepRecord, TapeError> {
    *compared += before.rows + after.rows;
    if *compared > MAX_COMPARED {
        return Err(TapeError::TooLarge);
    }
    Ok(record.with_snapshots(Arc::clone(&before.snapshot), Arc::clone(&after.snapshot)))
}

/// A snapshot, and the rows that a comparison of it has.
struct CountedSnapshot {
    snapshot: Arc<Snapshot>,
    rows: usize,
}

impl CountedSnapshot {
    fn new(snapshot: Box<Snapshot>) -> Result<CountedSnapshot, TapeError> {
        let lists = lists(&snapshot);
        if lists.iter().any(|rows| *rows > MAX_ROWS) {
            return Err(TapeError::TooLarge);
        }
        Ok(CountedSnapshot { snapshot: Arc::from(snapshot), rows: lists.iter().sum() })
    }
}

/// The length of each list.
fn lists(snapshot: &Snapshot) -> [usize; 13] {
    let of_network = |network: &Network| {
        let routing = network.links.len() + network.addresses.len() + network.routes.len();
        let handling = network.traffic.len() + network.rules.len();
        network.actors.len() + routing + network.neighbours.len() + handling
    };

    [
        snapshot.mounts.len(),
        snapshot.mounts.iter().map(|table| table.rows.len()).sum(),
        snapshot.processes.len(),
        snapshot.networks.len(),
        snapshot.networks.iter().map(of_network).sum(),
        snapshot.cgroups.len(),
        snapshot.cgroups.iter().map(|group| group.files.len()).sum(),
        snapshot.overlays.len(),
        snapshot.overlays.iter().map(|overlay| overlay.entries.len() + overlay.lowers.len()).sum(),
        snapshot.directories.len(),
        snapshot
            .directories
            .iter()
            .map(|directory| directory.entries.as_ref().map_or(0, Vec::len))
            .sum(),
        snapshot.hostnames.len(),
        snapshot.contents.len(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_texts_are_measured_before_they_are_read() {
        let check = |text: &str, expected: (usize, usize)| {
            assert_eq!(measure(text.as_bytes()), expected, "{text}")
        };
        check("1", (1, 0));
        check(r#"{"a": [1, 2, "b,c]"]}"#, (6, 5));
        check(r#"["a\"b", "\\", 1]"#, (4, 5));
        check(r#"["never ends"#, (2, 11));
    }
}
