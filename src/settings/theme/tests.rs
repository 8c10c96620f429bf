//! The program's own themes: read with ease on the backgrounds that terminals have, and told apart by every kind of eye.

use super::*;
use crate::settings::color::PaintColor;
use crate::words::setting_mistake;

/// Backgrounds that terminals come with: plain black, VS Code, One Dark, Solarized, Dracula, Ubuntu, Nord, our own.
const DARK: [&str; 8] =
    ["#000000", "#1e1e1e", "#282c34", "#002b36", "#282a36", "#300a24", "#2e3440", "#14171d"];
/// White, Solarized, One Light, Catppuccin Latte, Tango.
const LIGHT: [&str; 5] = ["#ffffff", "#fdf6e3", "#fafafa", "#eff1f5", "#eeeeec"];

/// The depths at which colours are the theme's to choose.
const DEPTHS: [ColorDepth; 2] = [ColorDepth::Indexed256, ColorDepth::TrueColor];

fn backgrounds(name: &str) -> Vec<Rgb> {
    let listed: &[&str] = match name {
        "dark" => &DARK,
        "light" => &LIGHT,
        _ => &["#000000"],
    };
    listed.iter().filter_map(|text| Rgb::parse(text)).collect()
}

fn shown(theme: &ThemeData, tone: Tone, depth: ColorDepth) -> Option<Rgb> {
    match theme.look(tone).color.at(depth) {
        PaintColor::Default => None,
        PaintColor::Index(index) => Some(Rgb::of_index(index).expect("one that nobody changes")),
        PaintColor::Rgb(rgb) => Some(rgb),
    }
}

fn contrast(one: Rgb, other: Rgb) -> f64 {
    let (one, other) = (one.luminance() + 0.05, other.luminance() + 0.05);
    one.max(other) / one.min(other)
}

#[test]
fn every_tone_is_read_with_ease_on_every_background() {
    for (name, _) in OWN_THEMES {
        let theme = ThemeData::own(name).expect("it is ours");
        for (tone, tone_name) in Tone::ALL {
            // Rules and frames are no text: 3 : 1 is asked of what is not (WCAG 2.2, 1.4.11).
            let least = match (name, tone) {
                ("high-contrast", _) => 7.0,
                (_, Tone::Line) => 3.0,
                _ => 4.5,
            };
            for (depth, background) in DEPTHS
                .iter()
                .flat_map(|depth| backgrounds(name).into_iter().map(|one| (*depth, one)))
            {
                let Some(color) = shown(&theme, tone, depth) else { continue };
                let found = contrast(color, background);
                assert!(
                    found >= least,
                    "{name}, {tone_name}, {depth:?}: {found:.2} on {background:?}"
                );
            }
        }
    }
}

/// The way that an eye sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Eye {
    Common,
    Protanopia,
    Deuteranopia,
    Tritanopia,
}

impl Eye {
    const ALL: [Eye; 4] = [Eye::Common, Eye::Protanopia, Eye::Deuteranopia, Eye::Tritanopia];

    /// Machado, Oliveira and Fernandes (2009), severity 1, on linear parts.
    fn matrix(self) -> [[f64; 3]; 3] {
        match self {
            Eye::Common => [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
            Eye::Protanopia => [
                [0.152286, 1.052583, -0.204868],
                [0.114503, 0.786281, 0.099216],
                [-0.003882, -0.048116, 1.051998],
            ],
            Eye::Deuteranopia => [
                [0.367322, 0.860646, -0.227968],
                [0.280085, 0.672501, 0.047413],
                [-0.011820, 0.042940, 0.968881],
            ],
            Eye::Tritanopia => [
                [1.255528, -0.076749, -0.178779],
                [-0.078411, 0.930809, 0.147602],
                [0.004733, 0.691367, 0.303900],
            ],
        }
    }

    fn lab(self, Rgb(red, green, blue): Rgb) -> [f64; 3] {
        let linear = [red, green, blue].map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        let times = |row: [f64; 3], of: [f64; 3]| row[0] * of[0] + row[1] * of[1] + row[2] * of[2];
        let seen = self.matrix().map(|row| times(row, linear).clamp(0.0, 1.0));
        let x = times([0.412_456_4, 0.357_576_1, 0.180_437_5], seen) / 0.95047;
        let y = times([0.212_672_9, 0.715_152_2, 0.072_175_0], seen);
        let z = times([0.019_333_9, 0.119_192_0, 0.950_304_1], seen) / 1.08883;
        let [x, y, z] = [x, y, z].map(|part: f64| {
            if part > 216.0 / 24389.0 {
                part.cbrt()
            } else {
                (24389.0 / 27.0 * part + 16.0) / 116.0
            }
        });
        [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
    }
}

/// CIEDE2000, after Sharma, Wu and Dalal (2005).
fn difference([l1, a1, b1]: [f64; 3], [l2, a2, b2]: [f64; 3]) -> f64 {
    let seventh = |chroma: f64| (chroma.powi(7) / (chroma.powi(7) + 25f64.powi(7))).sqrt();
    let mean = (a1.hypot(b1) + a2.hypot(b2)) / 2.0;
    let stretch = 1.5 - 0.5 * seventh(mean);
    let (a1, a2) = (a1 * stretch, a2 * stretch);
    let (c1, c2) = (a1.hypot(b1), a2.hypot(b2));
    let hue = |a: f64, b: f64| b.atan2(a).to_degrees().rem_euclid(360.0);
    let (h1, h2) = (hue(a1, b1), hue(a2, b2));

    let turn = if c1 * c2 == 0.0 { 0.0 } else { (h2 - h1 + 540.0).rem_euclid(360.0) - 180.0 };
    let mean_hue = if c1 * c2 == 0.0 { h1 + h2 } else { (h1 + turn / 2.0).rem_euclid(360.0) };
    let (l, c) = ((l1 + l2) / 2.0, (c1 + c2) / 2.0);
    let (dl, dc) = (l2 - l1, c2 - c1);
    let dh = 2.0 * (c1 * c2).sqrt() * (turn / 2.0).to_radians().sin();

    let cos = |degrees: f64| degrees.to_radians().cos();
    let t = 1.0 - 0.17 * cos(mean_hue - 30.0)
        + 0.24 * cos(2.0 * mean_hue)
        + 0.32 * cos(3.0 * mean_hue + 6.0)
        - 0.20 * cos(4.0 * mean_hue - 63.0);
    let sl = 1.0 + 0.015 * (l - 50.0).powi(2) / (20.0 + (l - 50.0).powi(2)).sqrt();
    let (sc, sh) = (1.0 + 0.045 * c, 1.0 + 0.015 * c * t);
    let turned = 60.0 * (-((mean_hue - 275.0) / 25.0).powi(2)).exp();
    let rotation = -turned.to_radians().sin() * 2.0 * seventh(c);
    let squares = (dl / sl).powi(2) + (dc / sc).powi(2) + (dh / sh).powi(2);
    (squares + rotation * dc / sc * dh / sh).sqrt()
}

#[test]
fn differences_of_colours_are_those_of_the_published_examples() {
    for (one, other, expected) in [
        ([50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485], 2.0425),
        ([50.0, 2.5, 0.0], [73.0, 25.0, -18.0], 27.1492),
        ([50.0, 2.5, 0.0], [61.0, -5.0, 29.0], 22.8977),
        ([50.0, 2.49, -0.001], [50.0, -2.49, 0.0011], 7.2195),
        ([60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387], 1.2644),
        ([2.0776, 0.0795, -1.1350], [0.9033, -0.0636, -0.5514], 0.9082),
    ] {
        let found = difference(one, other);
        assert!((found - expected).abs() < 0.0002, "{one:?} {other:?}: {found}");
    }
}

/// Pairs that can't be told apart by colour alone, with the reason. Marks tell all pairs apart, and what is gone is struck
/// out besides.
const CLOSE: [(&str, ColorDepth, Tone, Tone); 1] = [
    // Of the 216 fixed colours two greens alone are dark enough for a light background; each is a grey to one kind of eye,
    // or else the red. Black as the grey would do, and would be no quiet colour.
    ("light", ColorDepth::Indexed256, Tone::Added, Tone::Gone),
];

#[test]
fn every_two_marks_of_changes_are_told_apart_by_every_eye() {
    for (name, _) in OWN_THEMES {
        let theme = ThemeData::own(name).expect("it is ours");
        for depth in DEPTHS {
            for (index, one) in Tone::CHANGES.into_iter().enumerate() {
                for other in Tone::CHANGES.into_iter().skip(index + 1) {
                    let seen = |eye: Eye, tone| {
                        eye.lab(shown(&theme, tone, depth).expect("a colour of our own"))
                    };
                    let closest = Eye::ALL
                        .map(|eye| difference(seen(eye, one), seen(eye, other)))
                        .into_iter()
                        .fold(f64::MAX, f64::min);
                    let is_close = CLOSE.contains(&(name, depth, one, other));
                    assert_eq!(
                        closest < 15.0,
                        is_close,
                        "{name}, {depth:?}: {one:?} and {other:?} differ by {closest:.1}"
                    );
                    let common = difference(seen(Eye::Common, one), seen(Eye::Common, other));
                    assert!(common >= 15.0, "{name}: {one:?} and {other:?}: {common:.1}");
                }
            }
        }
    }
}

#[test]
fn dark_blue_is_nowhere_and_16_colours_are_never_sent_to_a_terminal_of_more() {
    for (name, _) in OWN_THEMES {
        let theme = ThemeData::own(name).expect("it is ours");
        for (tone, tone_name) in Tone::ALL {
            let color = theme.look(tone).color;
            assert_ne!(color.at(ColorDepth::Ansi16), PaintColor::Index(4), "{name}: {tone_name}");
            let index = color.at(ColorDepth::Indexed256);
            let is_fixed = !matches!(index, PaintColor::Index(0..16));
            assert!(is_fixed, "{name}: {tone_name} is {index:?}");
        }
    }
}

#[test]
fn a_theme_of_ones_own_takes_the_rest_from_another() {
    let text = "based-on = \"light\"\n[tones]\nadded = \"#00ff00\"\nquiet = { ansi = \"cyan\" }\n";
    let own = ThemeData::parse("mine.toml", text).expect("a theme");
    let light = ThemeData::own("light").expect("it is ours");
    assert_eq!(own.ground(), Ground::Light);
    assert_eq!(own.look(Tone::Gone), light.look(Tone::Gone));
    assert_eq!(
        own.look(Tone::Added).color.at(ColorDepth::TrueColor),
        PaintColor::Rgb(Rgb(0, 255, 0))
    );
    assert_eq!(own.look(Tone::Quiet).color.at(ColorDepth::TrueColor), PaintColor::Default);
    assert_eq!(own.look(Tone::Quiet).color.at(ColorDepth::Ansi16), PaintColor::Index(6));
}

#[test]
fn a_mistake_in_a_theme_is_told_with_file_line_and_field() {
    let check = |text: &str, expected: &str| {
        let mistake = ThemeData::parse("mine.toml", text).expect_err(text);
        assert_eq!(setting_mistake(&mistake), expected);
    };
    check(
        "[tones]\n\nadded = \"green\"",
        "mine.toml, line 3, tones.added: `green` is no colour; one is written \"#5fdc8b\"",
    );
    check(
        "[tones]\nadd = \"#000000\"",
        "mine.toml, line 2, tones.add: there is no such field; added?",
    );
    check(
        "[tones]\ngone = { rgb = \"#000000\", style = [\"bold\",\n\"blink\"] }",
        "mine.toml, line 3, tones.gone.style: `blink` is none of bold, dim, italic, underlined, \
         reversed, crossed-out",
    );
    check(
        "[tones]\ngone = { indexed = 256 }",
        "mine.toml, line 2, tones.gone.indexed: 256 is none of 0 to 255",
    );
    check("paints = 1", "mine.toml, line 1, paints: not a boolean, but an integer");
    check("tones = 1", "mine.toml, line 1, tones: not a table, but an integer");
    check(
        "based-on = \"blue\"",
        "mine.toml, line 1, based-on: `blue` is none of dark, light, high-contrast",
    );
}
