//! Choosing one control group: its files and its charts alone, wherever the lesson stands.

use super::LessonView;
use crate::view::ViewKind;

impl LessonView {
    pub fn has_groups(&self) -> bool {
        !self.groups.is_empty()
    }

    /// The group that is shown alone, as far as it is there.
    pub fn chosen_group(&self) -> Option<&str> {
        self.group.as_deref().filter(|chosen| self.groups.iter().any(|path| path == chosen))
    }

    /// Show one group alone, or all of them; the selection stays with the group it was on.
    pub(super) fn show_group(&mut self, group: Option<String>) {
        let selected = self.selected_group();
        self.group = group;
        self.rebuild();
        if let Some(path) = selected
            && let Some(place) =
                self.find_row(ViewKind::Cgroups, 0, 1, |row| row.group.as_ref() == Some(&path))
        {
            self.selected.insert(ViewKind::Cgroups, place);
        }
    }

    /// The group whose row is selected.
    fn selected_group(&self) -> Option<String> {
        let place = *self.selected.get(&ViewKind::Cgroups)?;
        self.rows(ViewKind::Cgroups).nth(place)?.group.clone()
    }
}

/// The group of the selected row alone, or all again; with no such row selected, one group after the other, then all.
pub fn choose(view: &mut LessonView) {
    view.focus = ViewKind::Cgroups;
    let chosen = view.chosen_group().map(str::to_owned);
    let next = match view.selected_group() {
        Some(path) => Some(path).filter(|path| chosen.as_ref() != Some(path)),
        None => match chosen.and_then(|path| view.groups.iter().position(|known| *known == path)) {
            Some(place) => view.groups.get(place + 1).cloned(),
            None => view.groups.first().cloned(),
        },
    };
    view.show_group(next);
}
