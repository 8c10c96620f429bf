//! A TOML text and its fields, each of which knows the line that it stands in.

use toml_span::value::{Table, ValueInner};
use toml_span::{ErrorKind, Value};

use crate::notice::{SettingMistake, SettingProblem};

/// A text that is TOML.
pub(super) struct Document<'a> {
    file: &'a str,
    text: &'a str,
    value: Value<'a>,
}

/// A value, by its name in the document.
#[derive(Clone)]
pub(super) struct Field<'a> {
    document: &'a Document<'a>,
    /// With the names of the tables that it is in: `tones.added`.
    name: String,
    value: &'a Value<'a>,
}

/// The fields of a table.
pub(super) struct Fields<'a> {
    document: &'a Document<'a>,
    /// Empty for the whole document.
    name: String,
    table: &'a Table<'a>,
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

impl<'a> Document<'a> {
    pub(super) fn parse(file: &'a str, text: &'a str) -> Result<Document<'a>, SettingMistake> {
        match toml_span::parse(text) {
            Ok(value) => Ok(Document { file, text, value }),
            Err(error) => {
                let (field, problem) = match &error.kind {
                    ErrorKind::DuplicateKey { key, .. } => (key.clone(), SettingProblem::Twice),
                    ErrorKind::DuplicateTable { name, .. } => (name.clone(), SettingProblem::Twice),
                    ErrorKind::UnquotedString => (String::new(), SettingProblem::NoQuotes),
                    other => (String::new(), SettingProblem::NotToml(other.to_string())),
                };
                let line = line_of(text, error.span.start);
                Err(SettingMistake { file: file.to_owned(), line: Some(line), field, problem })
            }
        }
    }

    pub(super) fn root(&'a self) -> Result<Fields<'a>, SettingMistake> {
        let root = Field { document: self, name: String::new(), value: &self.value };
        root.fields()
    }

    fn mistake(&self, at: usize, field: &str, problem: SettingProblem) -> SettingMistake {
        SettingMistake {
            file: self.file.to_owned(),
            line: Some(line_of(self.text, at)),
            field: field.to_owned(),
            problem,
        }
    }
}

impl<'a> Fields<'a> {
    /// Fail where the table has a field that has no meaning.
    pub(super) fn allow_only(&self, known: &[&str]) -> Result<(), SettingMistake> {
        let strange = self.table.keys().find(|key| !known.contains(&key.name.as_ref()));
        let Some(key) = strange else { return Ok(()) };
        let near = known
            .iter()
            .map(|known| (strsim::jaro_winkler(known, &key.name), *known))
            .filter(|(likeness, _)| *likeness > 0.8)
            .max_by(|one, other| one.0.total_cmp(&other.0));
        let problem = SettingProblem::NoSuchField { near: near.map(|(_, name)| name.to_owned()) };
        Err(self.document.mistake(key.span.start, &self.full_name(&key.name), problem))
    }

    pub(super) fn get(&self, name: &str) -> Option<Field<'a>> {
        let value = self.table.get(name)?;
        Some(Field { document: self.document, name: self.full_name(name), value })
    }

    fn full_name(&self, name: &str) -> String {
        if self.name.is_empty() { name.to_owned() } else { format!("{}.{name}", self.name) }
    }
}

impl<'a> Field<'a> {
    pub(super) fn mistake(&self, problem: SettingProblem) -> SettingMistake {
        self.document.mistake(self.value.span.start, &self.name, problem)
    }

    fn wrong_kind(&self, wanted: &'static str) -> SettingMistake {
        let found = self.value.as_ref().type_str();
        self.mistake(SettingProblem::WrongKind { wanted, found })
    }

    pub(super) fn fields(&self) -> Result<Fields<'a>, SettingMistake> {
        match self.value.as_ref() {
            ValueInner::Table(table) => {
                Ok(Fields { document: self.document, name: self.name.clone(), table })
            }
            _ => Err(self.wrong_kind("table")),
        }
    }

    pub(super) fn is_text(&self) -> bool {
        self.value.as_str().is_some()
    }

    pub(super) fn text(&self) -> Result<&'a str, SettingMistake> {
        self.value.as_str().ok_or_else(|| self.wrong_kind("text"))
    }

    pub(super) fn boolean(&self) -> Result<bool, SettingMistake> {
        self.value.as_bool().ok_or_else(|| self.wrong_kind("boolean"))
    }

    pub(super) fn integer(&self) -> Result<i64, SettingMistake> {
        self.value.as_integer().ok_or_else(|| self.wrong_kind("integer"))
    }

    /// The elements of an array, each under the array's own name.
    pub(super) fn elements(&self) -> Result<Vec<Field<'a>>, SettingMistake> {
        let array = self.value.as_array().ok_or_else(|| self.wrong_kind("array"))?;
        Ok(array.iter().map(|value| Field { value, ..self.clone() }).collect())
    }

    /// The meaning of a text that is one of a few.
    pub(super) fn one_of<T: Copy>(&self, known: &[(&str, T)]) -> Result<T, SettingMistake> {
        let text = self.text()?;
        let found = known.iter().find(|(name, _)| *name == text);
        found.map(|(_, meaning)| *meaning).ok_or_else(|| {
            let known: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            self.mistake(SettingProblem::NoneOf { text: text.to_owned(), known: known.join(", ") })
        })
    }
}
