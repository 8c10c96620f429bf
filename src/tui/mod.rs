//! The terminal: set up, fed, drawn, and always given back. Threads bring keys, signals and the engine's events to one
//! channel; the screen is drawn only after something came.

mod clipboard;
mod copy_file;
mod input;
mod output;
mod services;
mod setup;
mod shells;
mod size;
mod terminal_mode;
mod terminal_query;

use std::io::BufWriter;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use crossterm::event::KeyEvent;
use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use crossterm::{execute, queue, terminal};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};

pub use self::output::{TerminalOutput, is_gone, note_ending};
pub use self::services::{AppServices, EngineLink, TalkLink, TuiOptions};
pub use self::setup::ScreenSetup;
pub use self::size::terminal_size;
pub use self::terminal_mode::check_terminal;

use self::clipboard::ClipboardHost;
use self::copy_file::keep_copy;
use self::input::{watch_hang_up, watch_keys, watch_signals};
use self::setup::{ask_for_theme, motion_in};
use self::shells::ShellTerminals;
use self::terminal_mode::{Restore, suspend, take_terminal};
use crate::app::keymap::early_input::keys_of_bytes;
use crate::app::pointing::Pointing;
use crate::app::{self, AfterWelcome, Effect, Glow, Model, Msg, ProgramList, update};
use crate::engine::Event;
use crate::engine::events::EventReceiver;
use crate::engine::requests::RequestSender;
use crate::lesson::model::Lesson;
use crate::notice::{Copied, Notice};
use crate::talk::message::WindowToHub;
use crate::ui::highlight::{Highlighted, Language, highlight};
use crate::ui::{self, DrawOptions};

enum Incoming {
    App(Msg),
    /// The engine has told something.
    EngineEvents,
    Highlighted(Highlighted),
    /// A shell's program printed something.
    Printed(u32),
    /// A place of the screen was clicked, or the wheel turned over it: column and row.
    Pointed(u16, u16, Pointing),
    /// Back in the foreground.
    Continued,
}

/// Messages that may wait for the screen. Whoever brings more waits too, as long as the terminal takes nothing.
const MAX_WAITING_MESSAGES: usize = 8;
/// The time for which messages are taken in before the screen is drawn.
const FRAME_PERIOD: Duration = Duration::from_millis(8);
const CLOCK_PERIOD: Duration = Duration::from_secs(1);
/// The time for which what has changed glows.
const GLOW_TIME: Duration = Duration::from_millis(300);

type Screen = Terminal<CrosstermBackend<BufWriter<TerminalOutput>>>;

/// Run the screen until the person leaves, or the terminal is gone.
pub fn run(options: TuiOptions, services: &mut dyn AppServices) -> anyhow::Result<()> {
    check_terminal()?;
    // Our own theme drops colours; left to itself, NO_COLOR would take bold and reverse away too.
    crossterm::style::force_color_output(true);
    let _restore = Restore::set_up(options.setup.mouse)?;
    let (sender, incoming) = mpsc::sync_channel(MAX_WAITING_MESSAGES);
    watch_hang_up(sender.clone());
    watch_signals(sender.clone())?;
    // Before keys are watched: the answers come the same way.
    let (theme, typed) = ask_for_theme(&options.setup);
    watch_keys(sender.clone());

    let size = terminal_size();
    let mut front_end = FrontEnd {
        screen: new_screen(size)?,
        look: DrawOptions::new(theme),
        typed_early: keys_of_bytes(&typed),
        sender,
        engine: None,
        hub: None,
        copy_directory: options.copy_directory.clone(),
        terminals: ShellTerminals::default(),
    };

    let shown = front_end.show(options, size, &incoming, services);
    // Whatever became of the screen: the lab is gone before the program is.
    front_end.end_engine();
    // Here, since the screen complains on standard error if it is the first that can't: that panics where both are gone.
    let _ = front_end.screen.show_cursor();
    // Then there is nobody to tell, and nothing that the person could mend.
    if is_gone() { Ok(()) } else { shown }
}

/// The message that comes next, or None when it is time. An error when nothing can come any more.
fn next(
    incoming: &Receiver<Incoming>,
    until: Option<Instant>,
) -> Result<Option<Incoming>, mpsc::RecvError> {
    let Some(until) = until else { return incoming.recv().map(Some) };
    match incoming.recv_timeout(until.saturating_duration_since(Instant::now())) {
        Ok(first) => Ok(Some(first)),
        Err(RecvTimeoutError::Timeout) => Ok(None),
        Err(RecvTimeoutError::Disconnected) => Err(mpsc::RecvError),
    }
}

/// A screen of the size that the model has: a terminal that does not know its own would have none.
fn new_screen((columns, rows): (u16, u16)) -> anyhow::Result<Screen> {
    let output = TerminalOutput::open().context("could not open the terminal for the screen")?;
    // ratatui writes a frame in thousands of small pieces.
    let out = BufWriter::with_capacity(64 * 1024, output);
    let viewport = Viewport::Fixed(Rect::new(0, 0, columns, rows));
    Terminal::with_options(CrosstermBackend::new(out), TerminalOptions { viewport })
        .context("could not set up the screen")
}

struct Engine {
    requests: RequestSender,
    events: Arc<EventReceiver>,
    thread: JoinHandle<()>,
}

struct FrontEnd {
    screen: Screen,
    look: DrawOptions,
    /// The keys that were pressed before the first frame.
    typed_early: Vec<KeyEvent>,
    sender: SyncSender<Incoming>,
    engine: Option<Engine>,
    /// The way to the hub for what a window of a talk says.
    hub: Option<Sender<WindowToHub>>,
    copy_directory: Option<PathBuf>,
    terminals: ShellTerminals,
}

impl FrontEnd {
    fn show(
        &mut self,
        options: TuiOptions,
        size: (u16, u16),
        incoming: &Receiver<Incoming>,
        services: &mut dyn AppServices,
    ) -> anyhow::Result<()> {
        let mut model = Model::new(options.catalogue, size);
        model.notice = options.notice;
        model.motion = motion_in(&options.setup, self.look.theme);
        model.way = options.way;
        model.exam = options.exam;
        model.source = options.source;
        if let Some(link) = options.talk {
            self.join(link, &mut model);
        }
        let first = match (options.open, options.consent) {
            (Some(lesson), Some(lines)) => {
                AfterWelcome::Programs(ProgramList { lesson, lines, scroll: 0 })
            }
            (Some(id), None) => AfterWelcome::Lesson { id, from: options.source },
            (None, _) => AfterWelcome::Catalogue,
        };
        let effects = app::begin(&mut model, first, options.start);
        self.carry_out(&mut model, effects, services)?;
        self.draw(&model)?;
        let typed = std::mem::take(&mut self.typed_early);
        if !typed.is_empty() {
            typed
                .into_iter()
                .try_for_each(|key| self.apply(&mut model, Msg::Key(key), services))?;
            self.draw(&model)?;
        }

        let mut ticked = Instant::now();
        let mut glow_end = None;
        while !model.is_over {
            let counts = matches!(&model.screen, app::Screen::Talk(window) if window.needs_ticks());
            if !counts {
                ticked = Instant::now();
            }
            let tick = counts.then(|| ticked + CLOCK_PERIOD);
            let until = tick.into_iter().chain(glow_end).min();
            let Ok(first) = next(incoming, until) else { break };

            if let Some(first) = first {
                if self.means_nothing(&first) {
                    continue;
                }
                self.take_in(&mut model, first, services)?;
            }
            if counts && ticked.elapsed() >= CLOCK_PERIOD {
                let tick =
                    Msg::Tick(ticked.elapsed(), jiff::Zoned::now().strftime("%H:%M").to_string());
                self.apply(&mut model, tick, services)?;
                ticked = Instant::now();
            }
            if glow_end.is_some_and(|end| end <= Instant::now()) {
                self.apply(&mut model, Msg::GlowEnded, services)?;
            }

            // What else is there comes along; but a flood must not keep the screen from being drawn.
            let since = Instant::now();
            while since.elapsed() < FRAME_PERIOD
                && let Ok(next) = incoming.try_recv()
            {
                self.take_in(&mut model, next, services)?;
            }
            if !model.is_over {
                self.draw(&model)?;
            }
            // From the frame on in which it is seen; and once it has ended, nothing is waited for.
            glow_end = match model.glow {
                Glow::On => glow_end.or_else(|| Some(Instant::now() + GLOW_TIME)),
                Glow::Off => None,
            };
        }

        Ok(())
    }

    /// True for a click on nothing, which no frame is drawn for.
    fn means_nothing(&self, incoming: &Incoming) -> bool {
        match incoming {
            Incoming::Pointed(column, row, _) => self.look.hits.find(*column, *row).is_none(),
            Incoming::App(_)
            | Incoming::EngineEvents
            | Incoming::Highlighted(_)
            | Incoming::Printed(_)
            | Incoming::Continued => false,
        }
    }

    fn take_in(
        &mut self,
        model: &mut Model,
        incoming: Incoming,
        services: &mut dyn AppServices,
    ) -> anyhow::Result<()> {
        match incoming {
            Incoming::App(message) => {
                // Even where the size is the old one again: a terminal drops what it has no room for, and whoever
                // draws only what has changed never makes up for that.
                if let Msg::Resize(columns, rows) = message {
                    self.start_over((columns, rows))?;
                }
                self.apply(model, message, services)
            }
            Incoming::EngineEvents => {
                let new_events =
                    self.engine.as_ref().map(|engine| engine.events.take_all()).unwrap_or_default();
                new_events
                    .into_iter()
                    .try_for_each(|event| self.apply(model, Msg::Engine(event), services))
            }
            Incoming::Printed(tab) => {
                let bytes = self.terminals.take_output(tab);
                self.apply(model, Msg::ShellPrinted { tab, bytes }, services)
            }
            Incoming::Highlighted(highlighted) => {
                self.look.highlighted = highlighted;
                Ok(())
            }
            Incoming::Pointed(column, row, how) => match self.look.hits.find(column, row) {
                Some(target) => self.apply(model, Msg::Pointed(target, how), services),
                None => Ok(()),
            },
            Incoming::Continued => {
                // Whoever had the terminal meanwhile has left it in a mode of its own.
                take_terminal()?;
                let size = terminal_size();
                self.start_over(size)?;
                self.apply(model, Msg::Resize(size.0, size.1), services)
            }
        }
    }

    fn apply(
        &mut self,
        model: &mut Model,
        message: Msg,
        services: &mut dyn AppServices,
    ) -> anyhow::Result<()> {
        // Before `update`, whose effects may already be for a shell that was opened just now.
        self.keep_terminals(&message);
        let effects = update(model, message);
        self.carry_out(model, effects, services)
    }

    fn keep_terminals(&mut self, message: &Msg) {
        if let Msg::Engine(Event::ShellOpened { tab, opened: Ok(terminal), .. }) = message {
            self.terminals.add(*tab, terminal.clone(), self.sender.clone());
        } else if let Msg::ShellEnded(tab) = message {
            self.terminals.remove(*tab);
        }
    }

    fn carry_out(
        &mut self,
        model: &mut Model,
        effects: Vec<Effect>,
        services: &mut dyn AppServices,
    ) -> anyhow::Result<()> {
        for effect in effects {
            match effect {
                Effect::OpenLesson { id, from } => {
                    let messages = match services.open_lesson(&id, from) {
                        Ok(mut link) => {
                            let warm_up = Msg::WarmUp(std::mem::take(&mut link.warm_up));
                            let start = link.start_at.map(|steps| Msg::StartAt { steps });
                            [self.start(link), warm_up].into_iter().chain(start).collect()
                        }
                        Err(error) => vec![Msg::LessonOpenFailed(format!("{error:#}"))],
                    };
                    for message in messages {
                        self.apply(model, message, services)?;
                    }
                }
                Effect::KeepConsent { lesson } => {
                    if let Some(said) = services.keep_consent(&lesson) {
                        model.notice = Some(Notice::File(said));
                    }
                }
                Effect::SendToEngine(request) => {
                    if let Some(engine) = &self.engine {
                        let _ = engine.requests.send(request);
                    }
                }
                Effect::SaveNote { lesson, note } => {
                    if let Some(said) = services.save_note(&lesson, &note) {
                        model.notice = Some(Notice::File(said));
                    }
                }
                Effect::KeepWay(way) => {
                    if let Some(said) = services.keep_way(way) {
                        model.notice = Some(Notice::File(said));
                    }
                }
                Effect::CopyText(text) => {
                    let copied = self.copy(&text);
                    self.apply(model, Msg::Copied(copied), services)?;
                }
                Effect::SaveText { name, text } => {
                    let saved = services.save_text(&name, &text);
                    self.apply(model, Msg::Saved(saved), services)?;
                }
                Effect::TypeIntoShell { tab, bytes } => self.terminals.type_bytes(tab, bytes),
                Effect::ResizeShell { tab, size } => self.terminals.resize(tab, size),
                Effect::SendToHub(message) => {
                    if let Some(hub) = &self.hub {
                        let _ = hub.send(message);
                    }
                }
                Effect::Suspend => suspend()?,
                Effect::Redraw => self.start_over(model.size)?,
                Effect::Quit => model.is_over = true,
                Effect::QuitWithError(why) => bail!("{why}"),
            }
        }

        Ok(())
    }

    /// Become a window of a talk.
    fn join(&mut self, link: TalkLink, model: &mut Model) {
        let TalkLink { window, to_hub, from_hub } = link;
        model.screen = app::Screen::Talk(Box::new(window));
        self.hub = Some(to_hub);
        let sender = self.sender.clone();
        std::thread::spawn(move || {
            for message in from_hub {
                if sender.send(Incoming::App(Msg::Hub(message))).is_err() {
                    return;
                }
            }
            let _ = sender.send(Incoming::App(Msg::HubGone));
        });
    }

    /// Forward the engine's events, and highlight the lesson's code meanwhile.
    fn start(&mut self, link: EngineLink) -> Msg {
        let EngineLink { lesson, requests, events, thread, left_off, tape, .. } = link;
        self.end_engine();

        let events = Arc::new(events);
        let (sender, news) = (self.sender.clone(), Arc::clone(&events));
        self.engine = Some(Engine { requests, events, thread });
        // The events stay where the latest takes the place of what is outdated, until the screen has time for them.
        std::thread::spawn(move || {
            while news.wait_for_event() && sender.send(Incoming::EngineEvents).is_ok() {}
        });

        let (sender, texts) = (self.sender.clone(), code_of(&lesson));
        std::thread::spawn(move || {
            // Nobody listens any more when the program is leaving.
            let _ = sender.send(Incoming::Highlighted(highlight(&texts)));
        });

        Msg::LessonOpened { lesson, left_off, tape }
    }

    /// Let go of the engine and wait until its lab is gone.
    fn end_engine(&mut self) {
        if let Some(Engine { requests, thread, .. }) = self.engine.take() {
            drop(requests);
            let _ = thread.join();
        }
    }

    /// Forget what the terminal shows. (ratatui's own `clear` asks for the cursor's place: it may never be answered.)
    fn start_over(&mut self, size: (u16, u16)) -> anyhow::Result<()> {
        execute!(self.screen.backend_mut(), terminal::Clear(terminal::ClearType::All))?;
        let _ = self.screen.show_cursor();
        self.screen = new_screen(size)?;
        Ok(())
    }

    fn draw(&mut self, model: &Model) -> anyhow::Result<()> {
        self.look.theme = self.look.theme.with_glow(model.glow);
        // A terminal that knows this shows the frame all at once; others ignore it.
        queue!(self.screen.backend_mut(), BeginSynchronizedUpdate)?;
        self.screen.draw(|frame| ui::draw(model, &self.look, frame))?;
        execute!(self.screen.backend_mut(), EndSynchronizedUpdate)?;
        Ok(())
    }

    /// To the terminal's clipboard, which never says whether it listened, and to a file.
    fn copy(&mut self, text: &str) -> Copied {
        let host = ClipboardHost::of_environment(|name| std::env::var(name).ok());
        let route = host.copy(text, self.screen.backend_mut());
        let kept = self.copy_directory.as_deref().map(|dir| keep_copy(dir, text));
        let file = kept.map(|kept| kept.map(|path| path.display().to_string()));
        Copied { route, file }
    }
}

fn code_of(lesson: &Lesson) -> Vec<(Language, String)> {
    let context = crate::action::LabFacts::default();
    lesson
        .steps
        .iter()
        .flat_map(|step| {
            let shell = step.actions.iter().flat_map(|entry| entry.action.shell(&context));
            let shell: Vec<String> = shell.chain([step.docker.clone()]).collect();
            [(Language::Shell, shell.join("\n")), (Language::Json, step.oci.clone())]
        })
        .collect()
}
