//! Rows in, sealed files out.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};

use super::raw::{COLUMNS, LISTENER, Plays, RECORDING, UsageKey, cell, check_listener};
use super::sealed::{SealedRow, SealedTotals, SealedWriter};
use super::{ListenerKey, Secret, UsageError};
use crate::ident::{RecordingId, Territory};
use crate::ingest::{Fault, Row};
use crate::money::fixed;
use crate::period::Period;

#[derive(Clone, Copy)]
struct SealRow {
    listener: u128,
    recording: u32,
    plays: Plays,
}

/// One sealed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedUsage {
    /// What its plays are pooled by.
    pub key: UsageKey,
    /// The file's name in the folder it was sealed into.
    pub file: String,
    /// SHA-256 of the file.
    pub sha256: crate::digest::Digest,
    /// Rows: one for each listener and recording.
    pub rows: u64,
    /// All plays.
    pub plays: u64,
}

/// Gathers the rows of one batch and seals them.
pub struct Sealer {
    secret: Secret,
    keys: HashMap<UsageKey, usize>,
    pools: Vec<(UsageKey, Vec<SealRow>)>,
    /// The pool of the last row and its four texts: most rows are of the same pool.
    last: Option<([String; 4], usize)>,
    listener_keys: HashMap<String, ListenerKey>,
    recordings: Vec<RecordingId>,
    /// Every spelling that was met, and what it means.
    spellings: HashMap<String, u32>,
    ids: HashMap<RecordingId, u32>,
    repeated: u64,
}

impl Sealer {
    /// Starts a batch.
    pub fn new(secret: Secret) -> Self {
        Self {
            secret,
            keys: HashMap::new(),
            pools: Vec::new(),
            last: None,
            listener_keys: HashMap::new(),
            recordings: Vec::new(),
            spellings: HashMap::new(),
            ids: HashMap::new(),
            repeated: 0,
        }
    }

    /// Takes a row, or says what is wrong with it.
    pub fn add(&mut self, row: Row<'_>) -> Result<(), Fault> {
        let plays = Plays::read(row)?;
        let recording = self.recording(row)?;
        let listener = row.text(LISTENER);
        check_listener(listener).map_err(|reason| row.fault(LISTENER, reason))?;
        let pool = self.pool(row)?;
        let listener = self.hash(row.text(1), listener);
        self.pools[pool].1.push(SealRow { listener, recording, plays });
        Ok(())
    }

    /// A cell of a bad row as quarantine keeps it: the listener hashed, and of the others only
    /// what cannot be a listener's id that has slipped into another column.
    pub fn shown(&mut self, row: Row<'_>, column: usize, text: &str) -> String {
        let known = |named: fn(&UsageKey) -> &str| self.keys.keys().any(|key| named(key) == text);
        let safe = match COLUMNS[column].name {
            "period" => text.parse::<Period>().is_ok(),
            "service" => known(|key| key.service.as_str()),
            "offer" => known(|key| key.offer.as_str()),
            "territory" => Territory::parse(text).is_ok(),
            "recording" => RecordingId::parse(text).is_ok(),
            "plays" | "active_plays" => text.len() <= 20 && fixed(text, 18).is_ok(),
            _ if text.is_empty() => true,
            _ => return format!("hashed:{:032x}", self.hash(row.text(1), text)),
        };
        if safe || text.is_empty() { text.to_owned() } else { "(withheld)".to_owned() }
    }

    fn hash(&mut self, service: &str, listener: &str) -> u128 {
        if let Some(key) = self.listener_keys.get(service) {
            return key.hash(listener);
        }
        let key = self.secret.listener_key(service);
        let hash = key.hash(listener);
        self.listener_keys.insert(service.to_owned(), key);
        hash
    }

    fn pool(&mut self, row: Row<'_>) -> Result<usize, Fault> {
        if let Some((texts, pool)) = &self.last
            && (0..4).all(|column| texts[column] == row.text(column))
        {
            return Ok(*pool);
        }
        let key = UsageKey::read(row)?;
        let pool = if let Some(pool) = self.keys.get(&key) {
            *pool
        } else {
            self.keys.insert(key.clone(), self.pools.len());
            self.pools.push((key, Vec::new()));
            self.pools.len() - 1
        };
        self.last = Some(([0, 1, 2, 3].map(|column| row.text(column).to_owned()), pool));
        Ok(pool)
    }

    fn recording(&mut self, row: Row<'_>) -> Result<u32, Fault> {
        if let Some(recording) = self.spellings.get(row.text(RECORDING)) {
            return Ok(*recording);
        }
        let id = cell(row, RECORDING, RecordingId::parse)?;
        let next = u32::try_from(self.recordings.len())
            .map_err(|_| row.fault(RECORDING, "more than 2^32 recordings in one file"))?;
        let recording = *self.ids.entry(id.clone()).or_insert(next);
        if recording == next {
            self.recordings.push(id);
        }
        self.spellings.insert(row.text(RECORDING).to_owned(), recording);
        Ok(recording)
    }

    /// Writes one file for each pool key into `folder`, and how many rows were added to another
    /// row of the same listener and recording.
    pub fn seal(mut self, folder: &Path) -> Result<(Vec<SealedUsage>, u64), UsageError> {
        let mut order: Vec<u32> = (0..).take(self.recordings.len()).collect();
        order.sort_unstable_by(|a, b| {
            self.recordings[*a as usize].cmp(&self.recordings[*b as usize])
        });
        let mut rank = vec![0_u32; order.len()];
        for (place, recording) in (0_u32..).zip(&order) {
            rank[*recording as usize] = place;
        }
        let names: StringArray =
            order.iter().map(|r| Some(self.recordings[*r as usize].as_str())).collect();
        let names: ArrayRef = Arc::new(names);
        let mut pools = std::mem::take(&mut self.pools);
        pools.sort_by(|a, b| a.0.cmp(&b.0));
        let mut sealed = Vec::new();
        for (key, mut rows) in pools {
            for row in &mut rows {
                row.recording = rank[row.recording as usize];
            }
            rows.sort_unstable_by_key(|row| (row.listener, row.recording));
            let before = rows.len();
            let over = add_up(&mut rows);
            if let Some(recording) = over {
                let recording = self.recordings[order[recording as usize] as usize].to_string();
                return Err(UsageError::TooManyPlays { recording, place: key.to_string() });
            }
            self.repeated += (before - rows.len()) as u64;
            sealed.push(write(folder, key, &rows, &names)?);
        }
        Ok((sealed, self.repeated))
    }
}

/// Adds up neighbours of the same listener and recording; names one whose sum does not fit.
fn add_up(rows: &mut Vec<SealRow>) -> Option<u32> {
    let mut over = None;
    rows.dedup_by(|next, kept| {
        let same = (next.listener, next.recording) == (kept.listener, kept.recording);
        if same {
            match kept.plays.plays.checked_add(next.plays.plays) {
                Some(plays) => kept.plays.plays = plays,
                None => over = Some(kept.recording),
            }
            // At most the plays, which fit.
            kept.plays.active = kept.plays.active.saturating_add(next.plays.active);
        }
        same
    });
    over
}

fn write(
    folder: &Path,
    key: UsageKey,
    rows: &[SealRow],
    names: &ArrayRef,
) -> Result<SealedUsage, UsageError> {
    let file = format!("{}.parquet", crate::digest::Digest::of(key.to_string().as_bytes()).short());
    let count = rows.len() as u64;
    let mut out =
        SealedWriter::with_names(&folder.join(&file), &key.to_string(), names.clone(), count)?;
    for row in rows {
        let (listener, recording) = (row.listener, row.recording);
        out.push(SealedRow {
            listener,
            recording,
            plays: row.plays.plays,
            active: row.plays.active,
        })?;
    }
    let SealedTotals { sha256, rows, plays, .. } = out.finish()?;
    Ok(SealedUsage { key, file, sha256, rows, plays })
}
