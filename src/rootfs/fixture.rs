//! Rootfs fixtures: which programs and files make up an image. With lesson/parse.rs the only file that knows YAML.

use serde::Deserialize;

/// The image every lesson uses unless told otherwise.
const DEFAULT: &str = include_str!("../../rootfs-fixtures/default.yaml");

/// The only format there is so far.
const FORMAT: u32 = 1;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fixture {
    pub format: u32,
    pub name: String,
    /// Lowest first.
    pub layers: Vec<LayerSpec>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerSpec {
    /// Also the name of its directory.
    pub name: String,
    #[serde(default)]
    pub directories: Vec<DirectorySpec>,
    #[serde(default)]
    pub programs: Vec<ProgramSpec>,
    #[serde(default)]
    pub links: Vec<LinkSpec>,
    #[serde(default)]
    pub files: Vec<FileSpec>,
    /// Terminals to describe for full-screen programs, where the host knows them.
    #[serde(default)]
    pub terminfo: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectorySpec {
    pub path: String,
    #[serde(default = "default_directory_mode", deserialize_with = "octal")]
    pub mode: u32,
}

/// Programs that one Debian package brings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProgramSpec {
    pub package: String,
    pub names: Vec<String>,
    #[serde(default)]
    pub busybox: Busybox,
}

/// The cases in which an applet of the host's busybox will do for a program.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Busybox {
    Prefer,
    /// Only where the host does not have the program itself.
    Fallback,
    #[default]
    Never,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkSpec {
    pub path: String,
    pub to: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSpec {
    pub path: String,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FixtureError {
    #[error("read the rootfs fixture, line {line}, column {column}: {message}")]
    Syntax { line: usize, column: usize, message: String },
    #[error("the rootfs fixture says `format: {0}`, and this program reads format {FORMAT}")]
    Format(u32),
    #[error(
        "`{0}` in a rootfs fixture: paths and names are relative, without `..`, `.` or empty parts"
    )]
    Path(String),
    #[error("the rootfs fixture names the layer `{0}` twice")]
    TwiceNamed(String),
}

impl Fixture {
    /// The image that is part of this program.
    pub fn embedded() -> Fixture {
        Fixture::parse(DEFAULT).expect("a test parses the embedded fixture")
    }

    pub fn parse(text: &str) -> Result<Fixture, FixtureError> {
        // A later format may have fields this one refuses: its number is the better thing to complain about.
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }

        let head: Head = serde_yaml::from_str(text).map_err(syntax)?;
        if head.format != FORMAT {
            return Err(FixtureError::Format(head.format));
        }

        let fixture: Fixture = serde_yaml::from_str(text).map_err(syntax)?;
        fixture.check()?;
        Ok(fixture)
    }

    fn check(&self) -> Result<(), FixtureError> {
        for (index, layer) in self.layers.iter().enumerate() {
            if self.layers[..index].iter().any(|earlier| earlier.name == layer.name) {
                return Err(FixtureError::TwiceNamed(layer.name.clone()));
            }

            let single = layer
                .programs
                .iter()
                .flat_map(|group| &group.names)
                .chain(&layer.terminfo)
                .chain([&layer.name]);
            let paths = layer.directories.iter().map(|directory| &directory.path);
            let paths = paths.chain(layer.links.iter().map(|link| &link.path));
            let paths = paths.chain(layer.files.iter().map(|file| &file.path));

            if let Some(bad) = single.clone().find(|name| name.contains('/')).or_else(|| {
                single
                    .chain(paths)
                    .find(|path| path.split('/').any(|part| matches!(part, "" | "." | "..")))
            }) {
                return Err(FixtureError::Path(bad.clone()));
            }
        }
        Ok(())
    }
}

fn syntax(error: serde_yaml::Error) -> FixtureError {
    let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
    FixtureError::Syntax { line, column, message: error.to_string() }
}

fn default_directory_mode() -> u32 {
    0o755
}

/// Modes are text, because YAML readers do not agree on what `0755` is.
fn octal<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    let text = String::deserialize(deserializer)?;
    match u32::from_str_radix(&text, 8) {
        Ok(mode) if mode <= 0o1777 => Ok(mode),
        _ => Err(serde::de::Error::custom(format!(
            "`{text}` is not a mode between \"0000\" and \"1777\""
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_fixture_has_two_layers_and_what_lessons_type() {
        let fixture = Fixture::embedded();
        let names: Vec<_> = fixture.layers.iter().map(|layer| layer.name.as_str()).collect();
        assert_eq!(names, ["base", "tools"]);

        for program in [
            "sh", "ls", "cat", "ps", "mount", "umount", "hostname", "ip", "ping", "dd", "id",
            "sleep",
        ] {
            let mut all = fixture
                .layers
                .iter()
                .flat_map(|layer| &layer.programs)
                .flat_map(|group| &group.names);
            assert!(all.any(|name| name == program), "{program} is not in the default image");
        }
    }

    #[test]
    fn what_the_format_does_not_know_is_refused() {
        let check = |text: &str, expected: &str| {
            let error = Fixture::parse(text).expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        };

        check("format: 2\nname: x\nwhatever: 1", "format: 2");
        check("name: x", "missing field `format`");
        check("format: 1\nname: x\nlayers: []\ncolour: red", "unknown field `colour`");
        check("format: 1\nname: x\nlayers:\n  - name: a\n    program: []", "line 5");
        check("format: 1\nname: x\nlayers: [{name: a}, {name: a}]", "`a` twice");
        check("format: 1\nname: x\nlayers: [{name: ../a}]", "`../a`");
        check(
            "format: 1\nname: x\nlayers: [{name: a, files: [{path: /etc/x, text: ''}]}]",
            "`/etc/x`",
        );
        check(
            "format: 1\nname: x\nlayers: [{name: a, programs: [{package: p, names: [a/b]}]}]",
            "`a/b`",
        );
        check(
            "format: 1\nname: x\nlayers: [{name: a, programs: [{package: p, names: [b], busybox: maybe}]}]",
            "maybe",
        );
        check(
            "format: 1\nname: x\nlayers: [{name: a, directories: [{path: b, mode: \"4755\"}]}]",
            "4755",
        );
    }
}
