//! Recordings of several files, numbered in the order in which they are met.

use std::hash::BuildHasher as _;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::decode::Texts;
use crate::ident::RecordingId;
use crate::threads::{in_parts, joined};

/// The recordings of some files.
#[derive(Default)]
pub(super) struct Recordings {
    ids: Vec<RecordingId>,
    /// Empty until there is a second file.
    numbers: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// For each file but the first, the numbers of its recordings.
    of_files: Vec<Vec<u32>>,
    files: usize,
}

/// Why a file's recordings have no numbers.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotNumbered {
    #[error("{0:?} is not a recording id")]
    NotAnId(String),
    #[error("over 2^32 recordings")]
    TooMany,
}

impl Recordings {
    /// All of them, by their numbers.
    pub(super) fn ids(&self) -> &[RecordingId] {
        &self.ids
    }

    /// For each file the numbers of its recordings; none where they are 0, 1, 2 and so on.
    pub(super) fn of_files(&self) -> impl Iterator<Item = Option<&[u32]>> {
        std::iter::once(None).chain(self.of_files.iter().map(|numbers| Some(numbers.as_slice())))
    }

    /// Numbers a file's recordings, which are read on so many threads.
    pub(super) fn add(&mut self, texts: &Texts, threads: usize) -> Result<(), NotNumbered> {
        let ids = parse(texts, threads)?;
        self.files += 1;
        if self.files == 1 {
            self.ids = ids;
            return Ok(());
        }
        if self.files == 2 {
            for number in 0..u32::try_from(self.ids.len()).map_err(|_| NotNumbered::TooMany)? {
                self.note(number);
            }
        }
        let numbers = ids.into_iter().map(|id| self.number(id)).collect::<Result<_, _>>()?;
        self.of_files.push(numbers);
        Ok(())
    }

    fn number(&mut self, id: RecordingId) -> Result<u32, NotNumbered> {
        let hash = self.hasher.hash_one(id.as_str());
        if let Some(known) = self.numbers.find(hash, |number| self.ids[*number as usize] == id) {
            return Ok(*known);
        }
        let number = u32::try_from(self.ids.len()).map_err(|_| NotNumbered::TooMany)?;
        self.ids.push(id);
        self.note(number);
        Ok(number)
    }

    fn note(&mut self, number: u32) {
        let (ids, hasher) = (&self.ids, &self.hasher);
        let hash = |number: &u32| hasher.hash_one(ids[*number as usize].as_str());
        self.numbers.insert_unique(hash(&number), number, hash);
    }
}

fn parse(texts: &Texts, threads: usize) -> Result<Vec<RecordingId>, NotNumbered> {
    let id = |text: &[u8]| {
        let id = std::str::from_utf8(text).ok().and_then(|text| RecordingId::parse(text).ok());
        let same = id.filter(|id| id.as_str().as_bytes() == text);
        same.ok_or_else(|| NotNumbered::NotAnId(String::from_utf8_lossy(text).into_owned()))
    };
    let parts = in_parts(threads, texts.places(), |places| {
        // What may fail does not say how many it will be, and growing is most of the work.
        let mut ids = Vec::with_capacity(places.len());
        for place in places {
            ids.push(id(texts.text(*place))?);
        }
        Ok(ids)
    });
    Ok(joined(parts.into_iter().collect::<Result<_, _>>()?))
}
