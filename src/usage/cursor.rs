//! The listeners of one sealed file within a range, from the first to the last.

use std::ops::Range;

use super::decode::{GroupReader, Wrong};
use super::sealed_file::{SealedFile, Span};
use super::{Play, UsageError};

/// A place in a sealed file.
pub(super) struct Cursor<'a> {
    file: &'a SealedFile,
    range: Span,
    active: bool,
    next_group: usize,
    group: Option<GroupReader>,
    /// The next listener's place in the page, and the rows of the one before.
    place: usize,
    rows: Range<usize>,
    /// The current listener.
    pub listener: u128,
}

impl<'a> Cursor<'a> {
    /// A cursor before the first listener; active plays are read if they are asked for.
    pub(super) fn new(file: &'a SealedFile, range: Span, active: bool) -> Self {
        Self { file, range, active, next_group: 0, group: None, place: 0, rows: 0..0, listener: 0 }
    }

    /// Moves to the next listener of the range; false at its end.
    pub(super) fn advance(&mut self) -> Result<bool, UsageError> {
        let file = self.file;
        self.next_listener().map_err(|wrong| file.damaged(&wrong))
    }

    fn next_listener(&mut self) -> Result<bool, Wrong> {
        loop {
            let next = self.group.as_ref().and_then(|group| {
                let rows = group.page().rows.get(self.place)?;
                Some((group, *rows as usize))
            });
            let Some((group, rows)) = next else {
                if !self.next_page()? {
                    return Ok(false);
                }
                continue;
            };
            let place = u32::try_from(self.place).map_err(|_| Wrong::Pages)?;
            self.listener = group.listener(group.page().first + place).ok_or(Wrong::Pages)?;
            if self.range.to.is_some_and(|to| self.listener >= to) {
                return Ok(false);
            }
            self.place += 1;
            self.rows = self.rows.end..self.rows.end + rows;
            if self.listener >= self.range.from {
                return Ok(true);
            }
        }
    }

    /// Reads the next page of the range; false after the last.
    fn next_page(&mut self) -> Result<bool, Wrong> {
        (self.place, self.rows) = (0, 0..0);
        loop {
            if let Some(group) = &mut self.group
                && group.next_page()?
            {
                return Ok(true);
            }
            let Some(bounds) = self.file.groups.get(self.next_group) else { return Ok(false) };
            let before = bounds.last < self.range.from;
            let after = self.range.to.is_some_and(|to| bounds.first >= to);
            self.group = if before || after {
                None
            } else {
                Some(self.file.group(self.next_group, self.active)?)
            };
            self.next_group += 1;
        }
    }

    /// Adds the current listener's plays to `plays`, in the order of the recordings' places in the
    /// file.
    pub(super) fn read(&self, plays: &mut Vec<Play>) -> Result<(), UsageError> {
        let Some(group) = &self.group else { return Ok(()) };
        let read = group.page().read(self.rows.clone(), self.file.recordings, plays);
        read.map_err(|wrong| self.file.damaged(&wrong))
    }
}
