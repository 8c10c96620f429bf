//! The options of `unboxed` and `unboxed learn`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::consent::ConsentOption;
use super::image::ImageOption;
use super::settings::ScreenOptions;
use crate::image::Image;
use crate::progress::LearningWay;

/// The labs of a screen.
#[derive(Debug, Clone)]
pub struct LabOptions {
    /// The image of all labs, where it is not the default one.
    pub image: Option<Arc<Image>>,
    /// Watch which calls are made in shells.
    pub own_calls: bool,
}

impl Default for LabOptions {
    fn default() -> LabOptions {
        LabOptions { image: None, own_calls: true }
    }
}

/// How the screen is opened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct LearnOptions {
    #[command(flatten)]
    pub screen: ScreenOptions,
    /// How to learn, this time (W on the screen changes it for good)
    #[arg(long, value_enum)]
    pub way: Option<WayOption>,
    /// Begin with this chapter of the lesson; the steps before it are played for you
    #[arg(long, value_name = "NUMBER")]
    pub chapter: Option<usize>,
    /// Every step is yours: the same as --way type
    #[arg(long, conflicts_with_all = ["tape", "way"])]
    pub your_turn: bool,
    /// Play a recording instead: this one, or the program's own
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    pub tape: Option<Option<PathBuf>>,
    #[command(flatten)]
    pub image: ImageOption,
    /// Do not watch which calls your commands make in the lab's shells
    #[arg(long, conflicts_with = "tape")]
    pub no_own_calls: bool,
    #[command(flatten)]
    pub consent: ConsentOption,
}

/// The ways to learn, as the command line names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WayOption {
    /// Be shown each step, and try when you like
    Show,
    /// Type each step, and be shown it when you ask
    Type,
}

impl LearnOptions {
    /// The labs that were asked for on the command line.
    pub fn lab(&self) -> anyhow::Result<LabOptions> {
        Ok(LabOptions { image: self.image.open()?, own_calls: !self.no_own_calls })
    }

    /// The way that was asked for on the command line.
    pub fn way(&self) -> Option<LearningWay> {
        match self.way {
            Some(WayOption::Show) => Some(LearningWay::Shown),
            Some(WayOption::Type) => Some(LearningWay::Typed),
            None => self.your_turn.then_some(LearningWay::Typed),
        }
    }
}
