//! Recordings, numbered in the order in which they are met.

use std::hash::BuildHasher;
use std::sync::{PoisonError, RwLock};

use arrow_array::{Array, StringArray};
use hashbrown::{DefaultHashBuilder, HashTable};

use crate::ident::RecordingId;

/// Names that are looked up side by side.
const LOOKUPS: usize = 64;

/// The recordings met so far. A number, once given, stays.
#[derive(Default)]
pub(super) struct Recordings {
    ids: Vec<RecordingId>,
    /// Kept small, for it is looked into at random: the ids are not in it.
    numbers: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

/// Why a text has no number.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotNumbered {
    #[error("{0:?} is not a recording id")]
    NotAnId(String),
    #[error("it names over 2^32 recordings")]
    TooMany,
}

impl Recordings {
    /// All of them, by their numbers.
    pub(super) fn ids(&self) -> &[RecordingId] {
        &self.ids
    }

    /// The number of a recording, if it is known.
    pub(super) fn find(&self, name: &str) -> Option<u32> {
        let same = |number: &u32| self.ids[*number as usize].as_str() == name;
        self.numbers.find(self.hasher.hash_one(name), same).copied()
    }

    /// Notes those numbers that are known by now and were not.
    ///
    /// The table and the ids are far larger than a cache. Names are looked up many at a time, in
    /// steps short enough that the memory works on one name while others are waited for.
    pub(super) fn find_all(&self, names: &StringArray, numbers: &mut [Option<u32>]) {
        let mut lookups = [(0_u64, None::<u32>); LOOKUPS];
        for (chunk, numbers) in numbers.chunks_mut(LOOKUPS).enumerate() {
            let name = |at: usize| names.value(chunk * LOOKUPS + at);
            let lookups = &mut lookups[..numbers.len()];
            for (at, (hash, _)) in lookups.iter_mut().enumerate() {
                *hash = self.hasher.hash_one(name(at));
            }
            for (hash, maybe) in lookups.iter_mut() {
                *maybe = self.numbers.find(*hash, |_| true).copied();
            }
            for (at, number) in numbers.iter_mut().enumerate() {
                let maybe = lookups[at].1;
                let is_it = |number: u32| self.ids[number as usize].as_str() == name(at);
                *number = maybe.filter(|number| is_it(*number)).or_else(|| self.find(name(at)));
            }
        }
    }

    /// The numbers of all names, of which some have been found.
    fn add_all(
        &mut self,
        names: &StringArray,
        found: Vec<Option<u32>>,
    ) -> Result<Vec<u32>, NotNumbered> {
        let count = found.iter().filter(|number| number.is_none()).count();
        self.ids.reserve(count);
        let (ids, hasher) = (&self.ids, &self.hasher);
        self.numbers.reserve(count, |number| hasher.hash_one(ids[*number as usize].as_str()));
        let number = |(number, name): (Option<u32>, Option<&str>)| match number {
            Some(number) => Ok(number),
            None => self.add(name.unwrap_or_default()),
        };
        found.into_iter().zip(names).map(number).collect()
    }

    /// The number of a recording, which may be new.
    pub(super) fn add(&mut self, name: &str) -> Result<u32, NotNumbered> {
        if let Some(number) = self.find(name) {
            return Ok(number);
        }
        let id = RecordingId::parse(name).map_err(|_| NotNumbered::NotAnId(name.to_owned()))?;
        if id.as_str() != name {
            return self.add(id.as_str());
        }
        let number = u32::try_from(self.ids.len()).map_err(|_| NotNumbered::TooMany)?;
        let (ids, hasher) = (&self.ids, &self.hasher);
        let hash = |number: &u32| hasher.hash_one(ids[*number as usize].as_str());
        self.numbers.insert_unique(hasher.hash_one(name), number, hash);
        self.ids.push(id);
        Ok(number)
    }
}

/// Recordings that several threads number.
pub(super) struct Known<'a>(pub &'a RwLock<Recordings>);

impl Known<'_> {
    /// The numbers of a dictionary's recordings, unless another thread is adding recordings: it
    /// will know most of them when it is done.
    pub(super) fn try_numbers(&self, names: &StringArray) -> Option<Result<Vec<u32>, NotNumbered>> {
        match self.0.try_write() {
            Ok(mut known) if known.ids.is_empty() => {
                Some(known.add_all(names, vec![None; names.len()]))
            }
            Ok(known) => {
                drop(known);
                Some(self.numbers(names))
            }
            Err(_) => None,
        }
    }

    /// The numbers of a dictionary's recordings.
    pub(super) fn numbers(&self, names: &StringArray) -> Result<Vec<u32>, NotNumbered> {
        let mut numbers = vec![None; names.len()];
        self.0.read().unwrap_or_else(PoisonError::into_inner).find_all(names, &mut numbers);
        self.0.write().unwrap_or_else(PoisonError::into_inner).add_all(names, numbers)
    }
}
