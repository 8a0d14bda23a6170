//! A pool's rule and all that it looks at, from frozen files.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use hashbrown::HashMap;

use super::CloseError;
use super::manifest::{FrozenBatch, Keys, Manifest};
use crate::allocate::{
    About, AllocateError, Allocation, Attributes, Fees, FeesTooLarge, Inputs, OnNoPlays, Reach,
    Rule, Scope, Subject, Threshold, Within, allocate,
};
use crate::catalog::{Catalogue, Clearance, Cleared};
use crate::ident::{Name, RecordingId};
use crate::money::Micros;
use crate::settle::{Allocated, Pool};
use crate::suspicion::Released;
use crate::usage::{Listening as _, SealedScan, UsageError, UsageKey, read_paid};

/// A month's pools, to be shared by any rule.
pub(super) struct Pools<'a> {
    data: &'a Path,
    manifest: &'a Manifest,
    keys: &'a Keys,
    catalogue: &'a Catalogue,
    clearances: &'a [Clearance],
    threads: usize,
    /// What thresholds over more than a pool are measured by, found once for all pools.
    reaches: RefCell<HashMap<Over, Rc<WideReach<'a>>>>,
}

/// Of what, of which service, in which time, and the one pool of it that is meant, if it is not
/// all.
type Over = (Subject, Name, Within, Option<UsageKey>);

/// The reach of all recordings of some usage, and where each stands in it.
struct WideReach<'a> {
    places: HashMap<RecordingId, usize>,
    attributes: Attributes<'a>,
    reach: Reach,
}

/// What one pool's rule looks at.
pub(super) struct PoolInputs<'a> {
    pub(super) scan: SealedScan,
    pub(super) attributes: Attributes<'a>,
    pub(super) fees: Option<Fees>,
    pub(super) payers: Option<u64>,
    pub(super) released: Released,
}

impl<'a> Pools<'a> {
    pub(super) fn new(
        data: &'a Path,
        manifest: &'a Manifest,
        (keys, clearances): (&'a Keys, &'a [Clearance]),
        catalogue: &'a Catalogue,
        threads: usize,
    ) -> Self {
        Self { data, manifest, keys, catalogue, clearances, threads, reaches: RefCell::default() }
    }

    /// Opens what rules look at of a pool; with what is known of recordings if a rule asks, or
    /// if `about` them is wanted anyhow.
    pub(super) fn open(
        &self,
        pool: &Pool,
        rules: &[&Rule],
        about: bool,
    ) -> Result<PoolInputs<'a>, CloseError> {
        let any = |asks: fn(&Rule) -> bool| rules.iter().any(|rule| asks(rule));
        let key = pool.usage_key();
        let paths = self.paths(&self.manifest.usage, &self.keys.usage, |of| *of == key);
        let scan = SealedScan::open(&paths, self.threads)?.with_active(any(Rule::asks_for_active));
        let attributes = if about || any(Rule::asks_for_attributes) {
            Attributes::of(scan.recordings(), |id| self.about(id))
        } else {
            Attributes::default()
        };
        let paid = self.paths(&self.manifest.listeners, &self.keys.listeners, |of| *of == key);
        let asks = any(|rule| rule.asks_for_fees() || rule.on_no_plays != OnNoPlays::Pool);
        let fees = if paid.is_empty() || !asks {
            None
        } else {
            let mut fees = Vec::new();
            paid.iter().try_for_each(|path| read_paid(path, &mut fees))?;
            let failed = |error: FeesTooLarge| failed(pool, &error);
            Some(Fees::new(fees).map_err(failed)?)
        };
        let payers = fees.as_ref().map(Fees::payers).or(pool.subscribers);
        let released = released(self.clearances, &key);
        Ok(PoolInputs { scan, attributes, fees, payers, released })
    }

    /// Shares a pool by a rule.
    pub(super) fn allocate(
        &self,
        pool: &Pool,
        rule: &Rule,
        inputs: &PoolInputs<'_>,
    ) -> Result<Allocated, CloseError> {
        let share =
            |amount| self.with_inputs(pool, inputs, |inputs| allocate(rule, amount, inputs));
        let (mut shared, mut waits) = (share(pool.total()), Micros::ZERO);
        if matches!(shared, Err(AllocateError::OverFees(_))) && pool.carried > Micros::ZERO {
            // What earlier months left waits for a month whose listeners have paid enough.
            (shared, waits) = (share(pool.amount), pool.carried);
        }
        match shared {
            Ok(Allocation { recordings, plays, listeners, set_aside }) => {
                Ok(Allocated { recordings, plays, listeners, set_aside, waits })
            }
            // Settlement sends a pool without recordings to `undistributed`.
            Err(AllocateError::NoPlays) => Ok(Allocated::default()),
            Err(AllocateError::NothingCounts { plays }) => {
                Ok(Allocated { plays, ..Allocated::default() })
            }
            Err(AllocateError::Usage(error)) => Err(error.into()),
            Err(error) => Err(failed(pool, &error)),
        }
    }

    /// Calls `look` with what a rule looks at of an opened pool.
    pub(super) fn with_inputs<R>(
        &self,
        pool: &Pool,
        opened: &PoolInputs<'_>,
        look: impl FnOnce(&Inputs<'_, SealedScan>) -> R,
    ) -> R {
        let PoolInputs { scan, attributes, fees, payers, released } = opened;
        look(&Inputs {
            listening: scan,
            attributes,
            reach: &|threshold| self.reach(pool, opened, threshold),
            fees: fees.as_ref(),
            payers: *payers,
            released: Some(released),
        })
    }

    /// What a threshold of a pool's rule is measured by.
    fn reach(
        &self,
        pool: &Pool,
        opened: &PoolInputs<'_>,
        Threshold { of, within, scope, .. }: Threshold,
    ) -> Result<Reach, UsageError> {
        let PoolInputs { scan, attributes, .. } = opened;
        if (within, scope) == (Within::Period, Scope::Pool) {
            return Reach::of(scan, attributes, of);
        }
        let of_pool = (scope == Scope::Pool).then(|| pool.usage_key());
        let over = (of, pool.origin.service.clone(), within, of_pool);
        let known = self.reaches.borrow().get(&over).cloned();
        let wide = if let Some(known) = known {
            known
        } else {
            let found = Rc::new(self.wide_reach(&over)?);
            self.reaches.borrow_mut().insert(over, found.clone());
            found
        };
        let place = |id: &RecordingId| wide.places.get(id).copied();
        Ok(wide.reach.among(of, &wide.attributes, scan.recordings(), attributes, place))
    }

    fn wide_reach(
        &self,
        (subject, service, within, of_pool): &Over,
    ) -> Result<WideReach<'a>, UsageError> {
        let counts = |key: &UsageKey| match of_pool {
            Some(pool) => pool.offer == key.offer && pool.territory == key.territory,
            None => true,
        };
        let inside = |key: &UsageKey| key.service == *service && counts(key);
        let mut paths = self.paths(&self.manifest.usage, &self.keys.usage, inside);
        if *within == Within::TwelveMonths {
            paths.extend(self.paths(&self.manifest.earlier, &self.keys.earlier, inside));
        }
        let scan = SealedScan::open(&paths, self.threads)?;
        let attributes = Attributes::of(scan.recordings(), |id| self.about(id));
        let reach = Reach::of(&scan, &attributes, *subject)?;
        let places = scan.recordings().iter().cloned().zip(0..).collect();
        Ok(WideReach { places, attributes, reach })
    }

    fn about(&self, id: &RecordingId) -> Option<About<'a>> {
        let recording = self.catalogue.recording(id.as_str())?;
        let artist = recording.artists.first();
        let content = recording.content.unwrap_or_default();
        Some(About { artist, content, ai: recording.ai.unwrap_or_default() })
    }

    fn paths(
        &self,
        batches: &[FrozenBatch],
        keys: &[UsageKey],
        wanted: impl Fn(&UsageKey) -> bool,
    ) -> Vec<PathBuf> {
        let found = batches.iter().zip(keys).filter(|(_, key)| wanted(key));
        found.map(|(batch, _)| self.data.join(&batch.file.path)).collect()
    }
}

/// What was let go of a pool's usage.
pub(super) fn released(clearances: &[Clearance], key: &UsageKey) -> Released {
    let mut released = Released::default();
    let of_key = |clearance: &&Clearance| {
        let UsageKey { period, service, offer, territory } = key;
        (&clearance.period, &clearance.service, &clearance.offer, &clearance.territory)
            == (period, service, offer, territory)
    };
    for clearance in clearances.iter().filter(of_key).filter(|clearance| clearance.stands) {
        match &clearance.of {
            Cleared::Listener(listener) => {
                released.listeners.insert(*listener);
            }
            Cleared::Recording(recording) => {
                released.recordings.insert(recording.clone());
            }
        }
    }
    released
}

pub(super) fn failed(pool: &Pool, error: &dyn std::fmt::Display) -> CloseError {
    CloseError::Allocate { pool: pool.origin.key(), reason: error.to_string() }
}
