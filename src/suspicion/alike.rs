//! Groups of listeners who play nearly the same recordings.
//!
//! Two listeners are linked if they meet in a band in which enough listeners meet, and their lists
//! are exactly as alike as the threshold says. A group is whatever links connect, if it has enough
//! listeners. So a group does not depend on where one begins to look.

use std::sync::atomic::{AtomicU64, Ordering};

use hashbrown::HashMap;

use super::bands::Bands;
use super::cases::Played;
use super::look::LookError;
use super::thresholds::{Alike, Likeness};
use crate::threads::in_parts;
use crate::usage::Play;

/// The most recordings on different lists that are kept, and the most listeners.
pub(super) const ON_LISTS_MAX: usize = 1 << 25;
pub(super) const LISTENERS_MAX: usize = 1 << 24;
/// The most steps of comparing lists: about a minute.
const STEPS_MAX: u64 = 1 << 35;

/// Lists of recordings that enough listeners may share in part, and who has each.
#[derive(Default)]
pub(super) struct Lists {
    owners: HashMap<Box<[u32]>, Owners>,
    recordings: usize,
    listeners: usize,
}

/// Who plays just these recordings.
#[derive(Default)]
struct Owners {
    listeners: Vec<u128>,
    /// Their plays of each recording on the list.
    plays: Vec<u64>,
}

/// A group.
pub(super) struct Found {
    pub(super) listeners: Vec<u128>,
    /// What it plays, by recording.
    pub(super) played: HashMap<u32, Played>,
}

impl Lists {
    /// Keeps a listener with plays of these recordings, by their numbers.
    pub(super) fn add(&mut self, listener: u128, plays: &[Play]) {
        if self.are_too_many() {
            return;
        }
        let list: Box<[u32]> = plays.iter().map(|play| play.recording).collect();
        self.enter(list, &[listener], plays.iter().map(|play| u64::from(play.plays)));
    }

    /// Adds what another thread has kept.
    pub(super) fn merge(mut self, other: Self) -> Self {
        for (list, owners) in other.owners {
            if self.are_too_many() {
                break;
            }
            self.enter(list, &owners.listeners, owners.plays.into_iter());
        }
        self
    }

    /// True if there are more than can be kept; the rest was not looked at.
    pub(super) const fn are_too_many(&self) -> bool {
        self.recordings > ON_LISTS_MAX || self.listeners > LISTENERS_MAX
    }

    fn enter(
        &mut self,
        list: Box<[u32]>,
        listeners: &[u128],
        plays: impl ExactSizeIterator<Item = u64>,
    ) {
        self.listeners += listeners.len();
        let (known, on_list) = (self.owners.len(), list.len());
        let owners = self.owners.entry(list).or_default();
        owners.listeners.extend_from_slice(listeners);
        owners.plays.resize(on_list, 0);
        for (sum, plays) in owners.plays.iter_mut().zip(plays) {
            *sum += plays;
        }
        if self.owners.len() > known {
            self.recordings += on_list;
        }
    }

    /// The groups among those who were kept, in no order.
    pub(super) fn groups<E>(
        self,
        said: &Alike,
        bands: &Bands,
        threads: usize,
    ) -> Result<Vec<Found>, LookError<E>> {
        let mut lists: Vec<(Box<[u32]>, Owners)> = self.owners.into_iter().collect();
        // The order decides how many steps there are, and so must depend on nothing else.
        lists.sort_by_cached_key(|(list, _)| bands.order(list));
        let mut roots = Roots((0..).take(lists.len()).collect());
        let steps = AtomicU64::new(0);
        for band in 0..bands.count() {
            let keys = keys(&lists, bands, band, threads);
            let met = |of: &&[(u64, u32)]| {
                let listeners = |(_, at): &(u64, u32)| lists[*at as usize].1.listeners.len() as u64;
                of.len() > 1 && of.iter().map(listeners).sum::<u64>() >= bands.enough()
            };
            let meetings: Vec<&[(u64, u32)]> =
                keys.chunk_by(|one, other| one.0 == other.0).filter(met).collect();
            let roots_before = roots.all();
            let links = in_parts(threads, &meetings, |meetings| {
                let compare = Comparing {
                    lists: &lists,
                    roots: &roots_before,
                    likeness: said.likeness_at_least,
                    steps: &steps,
                };
                let mut links = Vec::new();
                meetings.iter().try_for_each(|of| compare.link(of, &mut links)).map(|()| links)
            });
            for links in links {
                for (one, other) in links.ok_or(LookError::TooManySteps)? {
                    roots.join(one, other);
                }
            }
        }
        Ok(found(lists, &mut roots, said.listeners_at_least.get()))
    }
}

/// The key of each list in a band, and the list, by key; without those of which it is certain that
/// too few meet.
fn keys(
    lists: &[(Box<[u32]>, Owners)],
    bands: &Bands,
    band: usize,
    threads: usize,
) -> Vec<(u64, u32)> {
    let places: Vec<u32> = (0..).take(lists.len()).collect();
    let parts = in_parts(threads, &places, |places| {
        let key = |at: &u32| (bands.key(&lists[*at as usize].0, band), *at);
        places.iter().map(key).filter(|(key, _)| bands.may_be_enough(*key)).collect::<Vec<_>>()
    });
    let mut keys = crate::threads::joined(parts);
    keys.sort_unstable();
    keys
}

struct Comparing<'a> {
    lists: &'a [(Box<[u32]>, Owners)],
    /// What has been connected before.
    roots: &'a [u32],
    likeness: Likeness,
    steps: &'a AtomicU64,
}

impl Comparing<'_> {
    /// Links of lists that meet, enough to connect whatever is connected; none if they take too
    /// many steps. Each is compared with those that nothing is connected to yet, so that a group
    /// whose lists are all alike takes a step for each of them and not for each pair.
    fn link(&self, met: &[(u64, u32)], links: &mut Vec<(u32, u32)>) -> Option<()> {
        let mut rest: Vec<u32> = met.iter().map(|(_, at)| *at).collect();
        let mut connected = Vec::new();
        while let Some(first) = rest.pop() {
            connected.push(first);
            while let Some(one) = connected.pop() {
                let mut steps = 0;
                rest.retain(|other| {
                    let linked = self.are_linked(one, *other, &mut steps);
                    if linked {
                        links.push((one, *other));
                        connected.push(*other);
                    }
                    !linked
                });
                let before = self.steps.fetch_add(steps, Ordering::Relaxed);
                if before.saturating_add(steps) > STEPS_MAX {
                    return None;
                }
            }
        }
        Some(())
    }

    fn are_linked(&self, one: u32, other: u32, steps: &mut u64) -> bool {
        *steps += 1;
        if self.roots[one as usize] == self.roots[other as usize] {
            return true;
        }
        let (one, other) = (&self.lists[one as usize].0, &self.lists[other as usize].0);
        let (less, more) = (one.len().min(other.len()), one.len().max(other.len()));
        if !self.likeness.is_reached(less, more) {
            return false; // even if one held the other
        }
        *steps += (less + more) as u64;
        let both = in_both(one, other);
        self.likeness.is_reached(both, less + more - both)
    }
}

/// How many numbers stand in both of two rising lists.
fn in_both(one: &[u32], other: &[u32]) -> usize {
    let (mut both, mut a, mut b) = (0, 0, 0);
    while let (Some(x), Some(y)) = (one.get(a), other.get(b)) {
        both += usize::from(x == y);
        a += usize::from(x <= y);
        b += usize::from(y <= x);
    }
    both
}

/// What is connected: each points to one before it, or to itself.
struct Roots(Vec<u32>);

impl Roots {
    fn of(&mut self, mut at: u32) -> u32 {
        while self.0[at as usize] != at {
            let next = self.0[self.0[at as usize] as usize];
            self.0[at as usize] = next;
            at = next;
        }
        at
    }

    fn join(&mut self, one: u32, other: u32) {
        let (one, other) = (self.of(one), self.of(other));
        self.0[one.max(other) as usize] = one.min(other);
    }

    fn all(&mut self) -> Vec<u32> {
        (0..).take(self.0.len()).map(|at| self.of(at)).collect()
    }
}

fn found(lists: Vec<(Box<[u32]>, Owners)>, roots: &mut Roots, enough: u64) -> Vec<Found> {
    let roots = roots.all();
    let mut counts = vec![0; lists.len()];
    for ((_, owners), root) in lists.iter().zip(&roots) {
        counts[*root as usize] += owners.listeners.len() as u64;
    }
    let mut groups: HashMap<u32, Found> = HashMap::new();
    for ((list, owners), root) in lists.into_iter().zip(roots) {
        if counts[root as usize] < enough {
            continue;
        }
        let group = groups
            .entry(root)
            .or_insert_with(|| Found { listeners: Vec::new(), played: HashMap::new() });
        let listeners = owners.listeners.len() as u64;
        group.listeners.extend(owners.listeners);
        for (recording, plays) in list.iter().zip(owners.plays) {
            let none = Played { recording: *recording, plays: 0, listeners: 0 };
            let played = group.played.entry(*recording).or_insert(none);
            played.plays += plays;
            played.listeners += listeners;
        }
    }
    groups.into_values().collect()
}
