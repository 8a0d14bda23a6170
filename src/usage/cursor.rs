//! The rows of one sealed file within a range of listeners, read from the first to the last.

use std::sync::RwLock;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, UInt32Type};
use arrow_array::{Array, RecordBatch, StringArray};
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use super::recordings::{Known, Recordings};
use super::sealed_file::{Range, SealedFile, damaged};
use super::{Play, Sums, UsageError};

/// A place in a sealed file.
pub(super) struct Cursor<'a> {
    file: &'a SealedFile<'a>,
    range: Range,
    recordings: &'a RwLock<Recordings>,
    next_group: usize,
    batches: Option<ParquetRecordBatchReader>,
    batch: RecordBatch,
    dictionary: Option<StringArray>,
    /// What the codes of the current dictionary mean, once they are looked up, and what those of
    /// the last one meant.
    numbers: Option<Vec<u32>>,
    last_numbers: Vec<u32>,
    /// True if the current dictionary is new.
    turned: bool,
    /// The row that is read next, and its listener.
    row: usize,
    pub listener: u128,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(
        file: &'a SealedFile<'a>,
        range: Range,
        recordings: &'a RwLock<Recordings>,
    ) -> Self {
        let batch = RecordBatch::new_empty(file.metadata.schema().clone());
        Self {
            file,
            range,
            recordings,
            next_group: 0,
            batches: None,
            batch,
            dictionary: None,
            numbers: None,
            last_numbers: Vec::new(),
            turned: false,
            row: 0,
            listener: 0,
        }
    }

    /// Moves to the next row of the range that exists; false at its end.
    pub(super) fn advance(&mut self) -> Result<bool, UsageError> {
        loop {
            while self.row >= self.batch.num_rows() {
                if !self.next_batch()? {
                    return Ok(false);
                }
            }
            self.listener = u128::from_be_bytes(self.listeners()[self.row]);
            if self.range.to.is_some_and(|to| self.listener >= to) {
                return Ok(false);
            }
            if self.listener >= self.range.from {
                return Ok(true);
            }
            self.row += 1;
        }
    }

    fn next_batch(&mut self) -> Result<bool, UsageError> {
        loop {
            if let Some(batches) = &mut self.batches
                && let Some(batch) = batches.next()
            {
                self.batch = batch.map_err(|e| damaged(self.file.path, &e.to_string()))?;
                self.row = 0;
                self.read_dictionary()?;
                return Ok(true);
            }
            let Some(group) = self.file.groups.get(self.next_group) else { return Ok(false) };
            let before = group.last < self.range.from;
            let after = self.range.to.is_some_and(|to| group.first >= to);
            self.batches =
                if before || after { None } else { Some(self.file.batches(self.next_group)?) };
            self.next_group += 1;
        }
    }

    fn read_dictionary(&mut self) -> Result<(), UsageError> {
        let names = self.batch.column(1).as_dictionary::<Int32Type>().values().as_string::<i32>();
        // The batches of a row group share the bytes of one dictionary.
        let same = |known: &StringArray| std::ptr::eq(known.value_data(), names.value_data());
        if self.dictionary.as_ref().is_some_and(same) {
            return Ok(());
        }
        if names.null_count() > 0 {
            return Err(damaged(self.file.path, "a recording is missing"));
        }
        let names = names.clone();
        if self.dictionary.is_some() {
            self.last_numbers = std::mem::take(self.numbers()?);
        }
        let known = Known(self.recordings);
        let numbers = known.try_numbers(&names).transpose();
        self.numbers = numbers.map_err(|e| damaged(self.file.path, &e.to_string()))?;
        self.dictionary = Some(names);
        self.turned = true;
        Ok(())
    }

    /// What the codes of the current dictionary mean.
    fn numbers(&mut self) -> Result<&mut Vec<u32>, UsageError> {
        let numbers = match (self.numbers.take(), &self.dictionary) {
            (Some(numbers), _) => numbers,
            (None, None) => Vec::new(),
            (None, Some(names)) => {
                let numbers = Known(self.recordings).numbers(names);
                numbers.map_err(|e| damaged(self.file.path, &e.to_string()))?
            }
        };
        Ok(self.numbers.insert(numbers))
    }

    fn listeners(&self) -> &[[u8; 16]] {
        self.batch.column(0).as_fixed_size_binary().value_data().as_chunks().0
    }

    /// The codes of recordings and the plays.
    fn plays(&self) -> (&[i32], &[u32]) {
        let codes = self.batch.column(1).as_dictionary::<Int32Type>().keys().values();
        (codes, self.batch.column(2).as_primitive::<UInt32Type>().values())
    }

    /// Takes all rows of the current listener; false at the end of the range.
    pub(super) fn take(&mut self, plays: &mut Vec<Play>) -> Result<bool, UsageError> {
        let listener = self.listener;
        loop {
            self.numbers()?;
            let numbers = self.numbers.as_deref().unwrap_or_default();
            let rows = self.row..self.row + rows_of_first(&self.listeners()[self.row..]);
            let (codes, counts) = self.plays();
            for (code, count) in codes[rows.clone()].iter().zip(&counts[rows.clone()]) {
                let number = usize::try_from(*code).ok().and_then(|code| numbers.get(code));
                let Some(number) = number else { return Err(self.unknown_code()) };
                plays.push(Play { recording: *number, plays: *count });
            }
            self.row = rows.end;
            if !self.advance()? {
                return Ok(false);
            }
            if self.listener != listener {
                return Ok(true);
            }
        }
    }

    /// Shows all listeners of the range to `sums`, where no other file has any of them; returns
    /// how many rows they have. Recordings stay as the file has them encoded until a dictionary
    /// ends.
    pub(super) fn take_all(&mut self, sums: &mut impl Sums) -> Result<u64, UsageError> {
        let mut begun = Begun::default();
        let mut rows = 0;
        loop {
            if std::mem::take(&mut self.turned) {
                let meant = std::mem::take(&mut self.last_numbers);
                sums.close(&meant);
                begun.rename(&meant, self)?;
            }
            rows += self.take_batch(&mut begun, sums)?;
            if self.row < self.batch.num_rows() || !self.advance()? {
                break;
            }
        }
        self.end(&mut begun, sums)?;
        sums.close(self.numbers()?);
        Ok(rows)
    }

    /// Shows the listeners of the current batch that end in it.
    fn take_batch(&mut self, begun: &mut Begun, sums: &mut impl Sums) -> Result<u64, UsageError> {
        let (codes, counts) = self.plays();
        if codes.iter().fold(0, |most, code| most.max(code.cast_unsigned())) as usize
            >= self.dictionary.as_ref().map_or(0, Array::len)
        {
            return Err(self.unknown_code());
        }
        let listeners = self.listeners();
        let mut row = self.row;
        while row < listeners.len() {
            let listener = u128::from_be_bytes(listeners[row]);
            if self.range.to.is_some_and(|to| listener >= to) {
                break;
            }
            let end = row + rows_of_first(&listeners[row..]);
            let plays = codes[row..end].iter().zip(&counts[row..end]);
            let plays =
                plays.map(|(code, count)| Play { recording: code.cast_unsigned(), plays: *count });
            if begun.listener != Some(listener) {
                self.end(begun, sums)?;
                if begun.listener.replace(listener).is_some_and(|last| last >= listener) {
                    return Err(damaged(self.file.path, "its listeners are not in order"));
                }
            }
            if begun.plays.is_empty() && end < listeners.len() && !any_twice(&codes[row..end]) {
                sums.add(plays);
            } else {
                begun.plays.extend(plays);
            }
            row = end;
        }
        let rows = row - self.row;
        self.row = row;
        Ok(rows as u64)
    }

    /// Shows the listener whose rows have come to an end.
    fn end(&self, begun: &mut Begun, sums: &mut impl Sums) -> Result<(), UsageError> {
        if begun.plays.is_empty() {
            return Ok(());
        }
        add_up(&mut begun.plays).map_err(|code| self.too_many(code))?;
        sums.add(begun.plays.drain(..).as_slice().iter().copied());
        Ok(())
    }

    fn too_many(&self, code: u32) -> UsageError {
        let name = self.dictionary.as_ref().zip(usize::try_from(code).ok());
        let name = name.filter(|(names, code)| *code < names.len());
        UsageError::TooManyPlays {
            recording: name.map_or_else(
                || "a recording".to_owned(),
                |(names, code)| names.value(code).to_owned(),
            ),
            place: self.file.path.display().to_string(),
        }
    }

    fn unknown_code(&self) -> UsageError {
        damaged(self.file.path, "a code without a recording")
    }
}

/// The last listener of a batch, whose rows may go on in the next one.
#[derive(Default)]
struct Begun {
    listener: Option<u128>,
    plays: Vec<Play>,
}

impl Begun {
    /// Adds what the codes meant to the next dictionary, which does not have all of them.
    fn rename(&mut self, meant: &[u32], cursor: &mut Cursor<'_>) -> Result<(), UsageError> {
        if self.plays.is_empty() {
            return Ok(());
        }
        let numbers = cursor.numbers()?;
        for (play, code) in self.plays.iter_mut().zip(numbers.len()..) {
            numbers.push(meant[play.recording as usize]);
            play.recording = u32::try_from(code).unwrap_or(u32::MAX); // arrow has under 2^31 codes
        }
        Ok(())
    }
}

/// Adds up what several rows say of the same recording; an error is one of which the plays are
/// too many.
pub(super) fn add_up(plays: &mut Vec<Play>) -> Result<(), u32> {
    plays.sort_unstable_by_key(|play| play.recording);
    let mut over = Ok(());
    plays.dedup_by(|next, kept| {
        let same = next.recording == kept.recording;
        if same {
            match kept.plays.checked_add(next.plays) {
                Some(sum) => kept.plays = sum,
                None => over = Err(kept.recording),
            }
        }
        same
    });
    over
}

/// True if rows of a listener, in order, name a recording twice, as those of no file sealed here.
fn any_twice(codes: &[i32]) -> bool {
    codes.windows(2).filter(|pair| pair[0] == pair[1]).count() > 0
}

/// How many rows the first row's listener has from there on.
fn rows_of_first(listeners: &[[u8; 16]]) -> usize {
    let Some(first) = listeners.first() else { return 0 };
    let alike = |chunk: &&[[u8; 16]; 8]| chunk.iter().filter(|one| *one == first).count() == 8;
    let rows = 8 * listeners.as_chunks().0.iter().take_while(alike).count();
    rows + listeners[rows..].iter().take_while(|found| *found == first).count()
}
