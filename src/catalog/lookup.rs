//! The catalogue as settlement asks for it.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use super::claims::Places;
use super::{Claim, Fact as _, Party, Recording, Right, Subject};
use crate::ident::{Name, RecordingId, Territory};
use crate::period::AsOf;

/// Parties, recordings and claims, each found by its id. What settlement does not ask for is not
/// kept, and what many facts name is kept once, since there may be millions of them.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// What statements call a party.
    parties: HashMap<Name, Box<str>>,
    recordings: Vec<Recording>,
    by_id: HashMap<RecordingId, u32>,
    /// By subject, right and party.
    claims: Vec<Claim>,
    /// Where each recording's claims stand.
    claims_on: Vec<Range<u32>>,
    /// (release, index of the recording), by release and recording.
    releases: Vec<(Name, u32)>,
}

/// A catalogue that is still being filled; parties first, then recordings, share most.
#[derive(Debug, Default)]
pub struct CatalogueBuilder {
    catalogue: Catalogue,
    names: HashSet<Name>,
    places: HashSet<Arc<Places>>,
}

impl CatalogueBuilder {
    /// Adds a party. Its id must stand once.
    pub fn party(&mut self, party: Party) {
        self.catalogue.parties.insert(party.party, party.name.into_boxed_str());
    }

    /// Adds a recording. Its id must stand once.
    pub fn recording(&mut self, mut recording: Recording) {
        recording.forget_details();
        let names = recording.artists.iter_mut().chain(&mut recording.label);
        for name in names.chain(&mut recording.work).chain(&mut recording.releases) {
            *name = self.shared(name);
        }
        let at = u32::try_from(self.catalogue.recordings.len()).unwrap_or(u32::MAX);
        self.catalogue.by_id.insert(recording.recording.clone(), at);
        self.catalogue.recordings.push(recording);
    }

    /// Adds a claim. Its key must stand once; a claim of nothing is none.
    pub fn claim(&mut self, mut claim: Claim) {
        if claim.share.is_zero() {
            return;
        }
        claim.party = self.shared(&claim.party);
        claim.subject = match claim.subject {
            Subject::Recording(id) => {
                let known = self.catalogue.by_id.get_key_value(&id).map(|(known, _)| known.clone());
                Subject::Recording(known.unwrap_or(id))
            }
            Subject::Work(work) => Subject::Work(self.shared(&work)),
        };
        if let Some(known) = self.places.get(&claim.places) {
            claim.places = known.clone();
        } else {
            self.places.insert(claim.places.clone());
        }
        self.catalogue.claims.push(claim);
    }

    /// The one copy of a name.
    fn shared(&mut self, name: &Name) -> Name {
        if let Some((known, _)) = self.catalogue.parties.get_key_value(name) {
            return known.clone();
        }
        if let Some(known) = self.names.get(name) {
            return known.clone();
        }
        self.names.insert(name.clone());
        name.clone()
    }

    /// Orders the facts.
    pub fn finish(self) -> Catalogue {
        let mut catalogue = self.catalogue;
        let Catalogue { recordings, claims, by_id, .. } = &mut catalogue;
        // Frozen facts come in the order of their keys, which is nearly this one.
        claims.sort_by(|a, b| claim_order(a).cmp(&claim_order(b)));
        let mut claims_on = vec![0..0; recordings.len()];
        let mut start = 0;
        for of_subject in claims.chunk_by(|a, b| a.subject == b.subject) {
            let end = start + u32::try_from(of_subject.len()).unwrap_or(u32::MAX);
            if let Subject::Recording(id) = &of_subject[0].subject
                && let Some(at) = by_id.get(id)
            {
                claims_on[*at as usize] = start..end;
            }
            start = end;
        }
        catalogue.claims_on = claims_on;
        let mut releases: Vec<(Name, u32)> = (0_u32..)
            .zip(&catalogue.recordings)
            .flat_map(|(index, recording)| {
                recording.releases.iter().map(move |release| (release.clone(), index))
            })
            .collect();
        let id = |index: u32| &catalogue.recordings[index as usize].recording;
        releases.sort_by(|a, b| (&a.0, id(a.1)).cmp(&(&b.0, id(b.1))));
        releases.dedup();
        catalogue.releases = releases;
        catalogue
    }
}

impl Catalogue {
    /// A catalogue of these facts; each key must stand once.
    pub fn new(parties: Vec<Party>, recordings: Vec<Recording>, claims: Vec<Claim>) -> Self {
        let mut builder = CatalogueBuilder::default();
        for party in parties {
            builder.party(party);
        }
        for recording in recordings {
            builder.recording(recording);
        }
        for claim in claims {
            builder.claim(claim);
        }
        builder.finish()
    }

    /// What a party is called, if it is known.
    pub fn party(&self, id: &str) -> Option<&str> {
        self.parties.get(id).map(AsRef::as_ref)
    }

    /// A recording, if it is known.
    pub fn recording(&self, id: &str) -> Option<&Recording> {
        self.by_id.get(id).map(|index| &self.recordings[*index as usize])
    }

    /// The recordings of a release, by id.
    pub fn release<'a>(&'a self, release: &'a Name) -> impl Iterator<Item = &'a Recording> {
        let start = self.releases.partition_point(|(name, _)| name < release);
        let of_release = self.releases[start..].iter().take_while(move |(name, _)| name == release);
        of_release.map(|(_, index)| &self.recordings[*index as usize])
    }

    /// The claims in force on a right in a recording, by party and then by key: those on the
    /// recording and those on its work.
    pub fn claims_on(
        &self,
        recording: &Recording,
        right: Right,
        territory: Territory,
        as_of: AsOf,
    ) -> Vec<&Claim> {
        let range = self.by_id.get(&recording.recording).map(|at| &self.claims_on[*at as usize]);
        let range = range.map_or(0..0, |range| range.start as usize..range.end as usize);
        let of_recording = self.claims[range].iter().filter(|claim| claim.right == right);
        let of_work = recording.work.iter().flat_map(|work| self.claims_on_work(work, right));
        let mut claims: Vec<&Claim> = of_recording
            .chain(of_work)
            .filter(|claim| claim.territories().covers(territory))
            .collect();
        let Some(day) = as_of.day(claims.iter().map(|claim| claim.validity)) else {
            return Vec::new();
        };
        claims.retain(|claim| claim.validity.covers(day));
        claims.sort_by(|a, b| a.party.cmp(&b.party).then_with(|| a.key().cmp(&b.key())));
        claims
    }

    fn claims_on_work(&self, work: &Name, right: Right) -> impl Iterator<Item = &Claim> {
        let subject = Subject::Work(work.clone());
        let start = self.claims.partition_point(|c| (&c.subject, c.right) < (&subject, right));
        let of_subject = self.claims[start..].iter();
        of_subject.take_while(move |c| (&c.subject, c.right) == (&subject, right))
    }
}

fn claim_order(claim: &Claim) -> (&Subject, Right, &Name) {
    (&claim.subject, claim.right, &claim.party)
}
