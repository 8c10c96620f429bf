//! `unboxed present`, `console` and `watch`: the hub of a talk, and its windows.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;

use super::consent::{self, ConsentOption};
use super::image::ImageOption;
use super::settings::{self, ScreenOptions};
use super::socket::{self, SocketService};
use super::{
    check_live, facts, lesson_source, open_lesson, private_names, program, record, shell_socket,
};
use crate::app::talk::{TalkView, WindowLayout};
use crate::app::{LearningWay, PlaySource, ProgramStart, ProgressNote};
use crate::diagnosis::Playable;
use crate::doctor::can_play;
use crate::engine::options::SessionOptions;
use crate::engine::session::Session;
use crate::engine::{events, play, requests};
use crate::lesson::model::Step;
use crate::lesson::parse::parse;
use crate::notice::FileNotice;
use crate::talk::clock::Clock;
use crate::talk::hub::{self, PresentedLesson};
use crate::talk::message::{HubToWindow, PROTOCOL_VERSION, WindowRole, WindowToHub};
use crate::tape::player;
use crate::text;
use crate::tui::{self, AppServices, EngineLink, TalkLink, TuiOptions};
use crate::wire::Wire;

/// Messages of the hub's that may wait for a window's screen.
const MAX_UNREAD_MESSAGES: usize = 4;

/// The line that the hub prints once windows can come.
const READY_LINE: &str = "ready";

#[derive(Debug, Args)]
pub struct PresentArguments {
    /// A lesson's id, number or title, or a YAML file
    lesson: String,
    /// Present a recording instead: this one, or the program's own
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    tape: Option<Option<PathBuf>>,
    #[command(flatten)]
    image: ImageOption,
    /// How long the talk is to take; without it, what the lesson says
    #[arg(long, value_name = "MINUTES")]
    minutes: Option<u32>,
    /// Speaker notes below the audience's picture, for who has one screen
    #[arg(long)]
    notes: bool,
    #[command(flatten)]
    screen: ScreenOptions,
    #[command(flatten)]
    consent: ConsentOption,
}

#[derive(Debug, Args)]
pub struct WindowArguments {
    /// The PID of the talk, where there are several
    #[arg(long, value_name = "PID")]
    of: Option<u32>,
    #[command(flatten)]
    screen: ScreenOptions,
}

/// Begin a talk, and be its first window.
pub fn present(arguments: &PresentArguments) -> anyhow::Result<ExitCode> {
    tui::check_terminal()?;
    let lesson = open_lesson(&arguments.lesson)?;
    let facts = facts();
    let is_agreed = match &arguments.tape {
        Some(file) => {
            record::tape_of_lesson(&lesson, file.as_deref(), &facts)?;
            false
        }
        None => {
            check_live(&lesson, &facts, Some("present its tape: unboxed present"))?;
            consent::require_consent(&arguments.lesson, &lesson, arguments.consent)?;
            // The hub has no terminal to ask on. It looks for the answer that was kept, for the file as it reads it;
            // or is told of one that was not.
            arguments.consent.yes || consent::needs_consent(&arguments.lesson, &lesson)
        }
    };

    let mut hub = start_hub(arguments, is_agreed)?;
    let of = Some(hub.id());
    let stream = socket::connect(SocketService::Talk, of)?;
    let mut window = window(WindowRole::Screen);
    if arguments.notes {
        window.layout = WindowLayout::PictureWithNotes;
    }
    let shown = run_window(stream, window, &arguments.screen);

    // The talk goes on as long as another window is open; a hub that is at its end is not left unburied.
    let _ = hub.try_wait();
    shown
}

pub fn console(arguments: &WindowArguments) -> anyhow::Result<ExitCode> {
    join(WindowRole::Console, arguments)
}

pub fn watch(arguments: &WindowArguments) -> anyhow::Result<ExitCode> {
    join(WindowRole::Watcher, arguments)
}

fn join(role: WindowRole, arguments: &WindowArguments) -> anyhow::Result<ExitCode> {
    tui::check_terminal()?;
    let stream = socket::connect(SocketService::Talk, arguments.of)?;
    run_window(stream, window(role), &arguments.screen)
}

fn window(role: WindowRole) -> TalkView {
    TalkView::new(role, std::process::id(), private_words())
}

/// Names that an audience need not know.
fn private_words() -> Vec<String> {
    let mut words: Vec<String> =
        private_names::private_names().into_iter().map(|(name, _)| name).collect();
    // Lessons are full of root; it gives nobody away. Nor does what is shorter than a name.
    words.retain(|word| word.len() > 2 && !word.trim_matches('/').eq("root"));
    words.dedup();
    words
}

/// Show a window until the talk or the window ends.
fn run_window(
    stream: UnixStream,
    window: TalkView,
    screen: &ScreenOptions,
) -> anyhow::Result<ExitCode> {
    let (setup, mistake) = settings::screen_setup(screen)?;
    let size = tui::terminal_size();
    let hello =
        WindowToHub::Hello { version: PROTOCOL_VERSION, role: window.role, pid: window.pid, size };
    let mut outgoing =
        Wire::from_fd(stream.try_clone().context("could not set up the connection")?.into());
    let mut incoming = Wire::from_fd(stream.into());
    outgoing.send(&hello, &[]).context("could not join the talk")?;

    let (to_hub, messages) = mpsc::channel::<WindowToHub>();
    std::thread::spawn(move || {
        for message in messages {
            if outgoing.send(&message, &[]).is_err() {
                return;
            }
        }
    });

    // Bounded: a window whose terminal takes nothing stops hearing, and the hub tells it all anew once it listens
    // again.
    let (heard, from_hub) = mpsc::sync_channel(MAX_UNREAD_MESSAGES);
    std::thread::spawn(move || {
        while let Ok(received) = incoming.receive::<HubToWindow>() {
            if heard.send(received.message).is_err() {
                return;
            }
        }
    });

    let options = TuiOptions {
        setup,
        catalogue: Vec::new(),
        open: None,
        notice: mistake,
        copy_directory: None,
        way: LearningWay::Shown,
        start: ProgramStart::Later,
        source: PlaySource::Lab,
        talk: Some(TalkLink { window, to_hub, from_hub }),
        exam: None,
        consent: None,
    };
    tui::run(options, &mut NoLessons)?;
    Ok(ExitCode::SUCCESS)
}

/// A window opens no lessons: the hub has one.
struct NoLessons;

impl AppServices for NoLessons {
    fn open_lesson(&mut self, _: &str, _: PlaySource) -> anyhow::Result<EngineLink> {
        bail!("a window of a talk has no lab of its own")
    }

    fn keep_consent(&mut self, _: &str) -> Option<FileNotice> {
        None
    }

    fn save_text(&mut self, _: &str, _: &str) -> Result<String, String> {
        Err("a window of a talk keeps no files".into())
    }

    fn keep_way(&mut self, _: LearningWay) -> Option<FileNotice> {
        None
    }

    fn save_note(&mut self, _: &str, _: &ProgressNote) -> Option<FileNotice> {
        None
    }
}

/// The hub is a process of its own: it outlives each of its windows.
fn start_hub(arguments: &PresentArguments, is_agreed: bool) -> anyhow::Result<Child> {
    let mut command = Command::new(program());
    command.arg0("unboxed: talk").arg("talk-hub").arg(&arguments.lesson);
    if let Some(log) = crate::kernel::log::path() {
        command.arg("--log").arg(log);
    }
    if let Some(minutes) = arguments.minutes {
        command.arg("--minutes").arg(minutes.to_string());
    }
    if let Some(tape) = &arguments.tape {
        command.arg("--tape").args(tape);
    }
    if let Some(path) = &arguments.image.image {
        command.arg("--image").arg(path);
    }
    if is_agreed {
        command.arg("--yes");
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());

    let mut hub = command.spawn().context("could not start the talk")?;
    let mut said = String::new();
    if let Some(stdout) = hub.stdout.take() {
        BufReader::new(stdout).read_line(&mut said).context("could not hear from the talk")?;
    }

    if said.trim() == READY_LINE {
        return Ok(hub);
    }
    let mut why = String::new();
    if let Some(mut stderr) = hub.stderr.take() {
        let _ = stderr.read_to_string(&mut why);
    }
    let _ = hub.wait();
    bail!(
        "the talk could not begin: {}",
        text::one_line(why.trim_start_matches("unboxed: ").trim())
    )
}

#[derive(Debug, Args)]
pub struct HubArguments {
    lesson: String,
    #[arg(long, num_args = 0..=1)]
    tape: Option<Option<PathBuf>>,
    #[command(flatten)]
    image: ImageOption,
    #[arg(long)]
    minutes: Option<u32>,
    #[command(flatten)]
    consent: ConsentOption,
}

/// The hub: no terminal, an engine, and windows until the last has gone.
pub fn talk_hub(arguments: &HubArguments) -> anyhow::Result<ExitCode> {
    crate::kernel::log::set_role("hub");
    // A terminal that is closed must not take the talk along. It fails only for who leads a session already.
    let _ = nix::unistd::setsid();

    // Read once: what windows are told is what is played.
    let (name, source) = lesson_source(&arguments.lesson)?;
    let lesson = Arc::new(parse(&name, &source)?);
    let facts = facts();

    let (requests, for_engine) = requests::channel().context("could not set up the engine")?;
    let (to_hub, events) = events::channel();
    let own = Arc::clone(&lesson);
    let mut origin = None;
    let cannot = |step: &Step| can_play(&step.needs, &facts) != Playable::Live;
    let mut missing: BTreeSet<usize> = lesson
        .steps
        .iter()
        .enumerate()
        .filter(|(_, step)| cannot(step))
        .map(|(index, _)| index)
        .collect();

    let (_place, listener) = socket::listen_for(SocketService::Talk)?;
    let engine = match &arguments.tape {
        Some(file) => {
            let tape = record::tape_of_lesson(&lesson, file.as_deref(), &facts)?;
            origin = Some(tape.header.origin());
            missing = tape.unplayable_steps();
            std::thread::spawn(move || player::play_tape(&tape, &own, &for_engine, &to_hub))
        }
        None => {
            consent::require_consent(&arguments.lesson, &lesson, arguments.consent)?;
            let image = arguments.image.open()?;
            std::thread::spawn(move || {
                let (_shell_listener, pending_shells) = match shell_socket::listen() {
                    Ok((shell_listener, pending_shells)) => (Some(shell_listener), pending_shells),
                    Err(_) => (None, mpsc::channel().1),
                };
                let options = SessionOptions { image, ..SessionOptions::with_spare(program()) };
                let open = |waiting| Session::open_waiting(own, facts, &options, waiting);
                play::run_engine(open, &for_engine, &pending_shells, &to_hub);
            })
        }
    };

    let clock = Clock::new(&lesson, arguments.minutes, &missing);
    let subject = PresentedLesson {
        lesson: source,
        name,
        steps: lesson.steps.len(),
        tape: origin,
        missing,
        clock,
    };
    println!("{READY_LINE}");
    hub::run_hub(subject, listener, requests, events);
    // The lab is gone once the engine has ended.
    let _ = engine.join();
    std::thread::sleep(Duration::from_millis(20));
    Ok(ExitCode::SUCCESS)
}
