//! Which names are given, of all that are said and noted, so that each is free.

use crate::devtools::alter::renames::names::Names;
use crate::sqlite::sql::name::same_name;

/// The names of one kind of thing on both sides.
pub(super) struct Sides<'a, 'm> {
    pub(super) before: &'a [&'m str],
    pub(super) after: &'a [&'m str],
}

/// Why names cannot be given as told or noted.
pub(super) enum Wrong {
    NotGone(String, String),
    NotNew(String, String),
    Note(String, String),
    Circle(Vec<Names>),
}

impl<'m> Sides<'_, 'm> {
    pub(super) fn before(&self, name: &str) -> Option<&'m str> {
        find(self.before, name)
    }

    pub(super) fn after(&self, name: &str) -> Option<&'m str> {
        find(self.after, name)
    }

    /// Whether there is something new of the name: none was called like this, or in other letters.
    pub(super) fn is_new(&self, name: &str) -> bool {
        self.after(name)
            .is_some_and(|now| self.before(name).is_none_or(|was| was != now))
    }

    /// Which names are given: all that the caller says, and the notes that speak of what is still to be
    /// renamed. A note stays in the file when the rename is done, so one whose new name is there
    /// already says nothing, unless that one is renamed itself.
    pub(super) fn settle(&self, told: &[Names], noted: &[Names]) -> Result<Vec<Names>, Wrong> {
        let mut moves: Vec<(&str, &str)> = Vec::new();
        for (old, new) in told {
            let (Some(was), Some(now)) = (self.before(old), self.after(new)) else {
                let missing = match self.before(old) {
                    None => Wrong::NotGone,
                    Some(_) => Wrong::NotNew,
                };
                return Err(missing(old.clone(), new.clone()));
            };
            if was == now || moves.iter().any(|(from, to)| *from == was || *to == now) {
                return Err(Wrong::NotGone(old.clone(), new.clone()));
            }
            moves.push((was, now));
        }
        let mut left: Vec<(&str, &str)> = noted
            .iter()
            .filter_map(|(old, new)| Some((self.before(old)?, self.after(new)?)))
            .filter(|(was, now)| was != now)
            .filter(|(was, now)| !moves.iter().any(|(from, to)| from == was || to == now))
            .collect();
        let is_free = |moves: &[(&str, &str)], name: &str, of: &str| {
            let there = self.before(name);
            there.is_none_or(|there| there == of || moves.iter().any(|(from, _)| *from == there))
        };
        while let Some(at) = left.iter().position(|(was, now)| is_free(&moves, now, was)) {
            moves.push(left.remove(at));
        }
        let is_gone = |name: &str, to: &str| {
            let there = self.after(name);
            there.is_none_or(|there| there == to || moves.iter().any(|(_, to)| *to == there))
        };
        for (at, (was, now)) in moves.iter().enumerate() {
            let names = ((*was).to_owned(), (*now).to_owned());
            let is_told = at < told.len();
            let twice = moves[..at].iter().any(|(from, _)| from == was);
            match (is_gone(was, now), is_free(&moves, now, was)) {
                (false, _) if is_told => return Err(Wrong::NotGone(names.0, names.1)),
                (_, false) if is_told => return Err(Wrong::NotNew(names.0, names.1)),
                (gone, _) if !gone || twice => return Err(Wrong::Note(names.0, names.1)),
                _ => {}
            }
        }
        if let Some((was, now)) = left.iter().find(|(was, _)| self.after(was).is_none()) {
            return Err(Wrong::Note((*was).to_owned(), (*now).to_owned()));
        }
        if let Some(circle) = self.circle(&left) {
            return Err(Wrong::Circle(circle));
        }
        let moves = moves.iter();
        let moves: Vec<Names> = moves
            .map(|(was, now)| ((*was).to_owned(), (*now).to_owned()))
            .collect();
        Ok(free_first(moves))
    }

    /// Notes that hand a name round.
    pub(super) fn circle(&self, noted: &[(&str, &str)]) -> Option<Vec<Names>> {
        noted.iter().find_map(|first| {
            let mut circle = vec![*first];
            while let Some(at) = circle.last() {
                let there = self.before(at.1)?;
                if there == first.0 {
                    let names = circle.iter();
                    return Some(
                        names
                            .map(|(was, now)| ((*was).to_owned(), (*now).to_owned()))
                            .collect(),
                    );
                }
                let next = noted.iter().find(|(was, _)| *was == there)?;
                if circle.contains(next) {
                    return None;
                }
                circle.push(*next);
            }
            None
        })
    }
}

pub(super) fn find<'m>(names: &[&'m str], name: &str) -> Option<&'m str> {
    names.iter().find(|there| same_name(there, name)).copied()
}

/// In an order in which each new name is free, but for circles.
fn free_first(mut left: Vec<Names>) -> Vec<Names> {
    let mut ordered = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let is_free = |new: &str| !left.iter().any(|(old, _)| same_name(old, new));
        let at = left.iter().position(|(_, new)| is_free(new)).unwrap_or(0);
        ordered.push(left.remove(at));
    }
    ordered
}
