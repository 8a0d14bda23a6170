//! The catalogue as settlement asks for it.

use super::{Claim, Party, Recording, Right, Subject};
use crate::ident::{Name, RecordingId, Territory};
use crate::period::AsOf;

/// Parties, recordings and claims, ordered so that any of them is found by halving.
#[derive(Debug, Default)]
pub struct Catalogue {
    parties: Vec<Party>,
    recordings: Vec<Recording>,
    claims: Vec<Claim>,
    /// (release, index of the recording), ordered.
    releases: Vec<(Name, u32)>,
}

impl Catalogue {
    /// Orders the facts; each key must stand once.
    pub fn new(
        mut parties: Vec<Party>,
        mut recordings: Vec<Recording>,
        mut claims: Vec<Claim>,
    ) -> Self {
        parties.sort_by(|a, b| a.party.cmp(&b.party));
        recordings.sort_by(|a, b| a.recording.cmp(&b.recording));
        claims.retain(|claim| !claim.share.is_zero());
        claims.sort_by(|a, b| claim_order(a).cmp(&claim_order(b)));
        let mut releases: Vec<(Name, u32)> = (0_u32..)
            .zip(&recordings)
            .flat_map(|(index, recording)| {
                recording.releases.iter().map(move |release| (release.clone(), index))
            })
            .collect();
        releases.sort();
        releases.dedup();
        Self { parties, recordings, claims, releases }
    }

    /// A party, if it is known.
    pub fn party(&self, id: &Name) -> Option<&Party> {
        let found = self.parties.binary_search_by(|party| party.party.cmp(id));
        found.ok().map(|index| &self.parties[index])
    }

    /// A recording, if it is known.
    pub fn recording(&self, id: &RecordingId) -> Option<&Recording> {
        let found = self.recordings.binary_search_by(|recording| recording.recording.cmp(id));
        found.ok().map(|index| &self.recordings[index])
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
        let mut claims = self.claims_of(&Subject::Recording(recording.recording.clone()), right);
        if let Some(work) = &recording.work {
            claims.extend(self.claims_of(&Subject::Work(work.clone()), right));
        }
        claims.retain(|claim| claim.territories.covers(territory));
        let Some(day) = as_of.day(claims.iter().map(|claim| claim.validity)) else {
            return Vec::new();
        };
        claims.retain(|claim| claim.validity.covers(day));
        claims.sort_by_cached_key(|claim| (claim.party.clone(), super::Fact::key(*claim)));
        claims
    }

    fn claims_of(&self, subject: &Subject, right: Right) -> Vec<&Claim> {
        let start = self.claims.partition_point(|c| (&c.subject, c.right) < (subject, right));
        let of_subject = self.claims[start..].iter();
        of_subject.take_while(|c| (&c.subject, c.right) == (subject, right)).collect()
    }
}

fn claim_order(claim: &Claim) -> (&Subject, Right, &Name) {
    (&claim.subject, claim.right, &claim.party)
}
