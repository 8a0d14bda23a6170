//! Recordings, numbered in the order in which they are met.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::ident::RecordingId;

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

    /// Makes room for so many more.
    pub(super) fn reserve(&mut self, count: usize) {
        self.ids.reserve(count);
        let (ids, hasher) = (&self.ids, &self.hasher);
        self.numbers.reserve(count, |number| hasher.hash_one(ids[*number as usize].as_str()));
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
