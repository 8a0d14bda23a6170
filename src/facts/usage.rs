//! A file of usage, read on all threads.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::FactsError;
use super::import::{BadRow, FAULTS_MAX, Import, Read, Step};
use crate::ident::{RecordingId, Territory};
use crate::ingest::{Fault, KeptRow, OtherColumns, RowRead, WideRows};
use crate::period::Period;
use crate::usage::{
    COLUMNS, Gathered, Gatherer, NotGathered, PLACES, Secret, UsageError, is_small,
};

/// A bad row: what is wrong, its month where that can be read, and the row.
struct Bad {
    fault: Fault,
    period: Option<String>,
    row: Option<KeptRow>,
}

/// What one thread makes of its rows.
struct Taker {
    gatherer: Gatherer,
    taken: u64,
    bad: Vec<Bad>,
    failed: Option<UsageError>,
}

impl Import<'_> {
    /// Reads a file, or a folder of its parts, and gathers its good rows; what does not fit into
    /// memory goes to `folder`.
    pub(super) fn gather(&mut self, folder: &Path) -> Result<(Read, Gathered), FactsError> {
        let means = self.workspace.means;
        let given = &self.options.given;
        let rows = WideRows::open(&[self.path.to_owned()], COLUMNS, given, OtherColumns::Refused)?;
        let name = rows.name().to_owned();
        let given_month = rows.given("period").map(str::to_owned);
        let secret = &self.workspace.secret;
        let taker = || Taker {
            gatherer: Gatherer::new(secret.clone(), PLACES, folder, means.threads, means.memory),
            taken: 0,
            bad: Vec::new(),
            failed: None,
        };
        let takers = std::iter::repeat_with(taker).take(means.threads).collect();
        let faults = AtomicUsize::new(0);
        let progress = &mut self.progress;
        let (takers, content) = rows.read(
            takers,
            |taker: &mut Taker, read| taker.take(read, &faults),
            &mut |so_far| progress(Step::Reading(so_far)),
        )?;
        let (mut gatherers, mut bad, mut taken) = (Vec::new(), Vec::new(), 0);
        for taker in takers {
            if let Some(error) = taker.failed {
                return Err(error.into());
            }
            gatherers.push(taker.gatherer);
            bad.extend(taker.bad);
            taken += taker.taken;
        }
        bad.sort_by(|a: &Bad, b| a.fault.cmp(&b.fault));
        let keys = || gatherers.iter().flat_map(Gatherer::keys);
        let services: HashSet<String> = keys().map(|key| key.service.to_string()).collect();
        let offers: HashSet<String> = keys().map(|key| key.offer.to_string()).collect();
        let known = [&services, &offers];
        let bad: Vec<BadRow> = bad
            .into_iter()
            .map(|Bad { fault, period, row }| {
                let content = row.map(|row| {
                    let service = row.cells[1].clone();
                    row.to_csv(|column, text| {
                        shown(secret, known, &service, COLUMNS[column].name, text)
                    })
                });
                BadRow { fault, period: period.or_else(|| given_month.clone()), content }
            })
            .collect();
        if bad.len() > FAULTS_MAX {
            return Err(self.too_many(&bad));
        }
        let read = self.done(&name, taken, content, bad);
        Ok((read, Gathered::new(gatherers, means.memory)?))
    }
}

impl Taker {
    fn take(&mut self, read: RowRead<'_>, faults: &AtomicUsize) -> ControlFlow<()> {
        let bad = match read {
            RowRead::End => return ControlFlow::Continue(()),
            RowRead::Fault(fault) => Bad { fault, period: None, row: None },
            RowRead::Row(row) => match self.gatherer.add(row) {
                Ok(()) => {
                    self.taken += 1;
                    return ControlFlow::Continue(());
                }
                Err(NotGathered::Row(fault)) => {
                    let month = row.named("period").filter(|text| text.parse::<Period>().is_ok());
                    Bad { fault, period: month.map(str::to_owned), row: row.keep() }
                }
                Err(NotGathered::Failed(error)) => {
                    self.failed = Some(error);
                    return ControlFlow::Break(());
                }
            },
        };
        self.bad.push(bad);
        if faults.fetch_add(1, Ordering::Relaxed) >= FAULTS_MAX {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

/// A cell of a bad row as quarantine keeps it: the listener hashed, and of the others only what
/// cannot be a listener's id that has slipped into another column. Services and offers are known
/// by the file's good rows.
pub(super) fn shown(
    secret: &Secret,
    [services, offers]: [&HashSet<String>; 2],
    service: &str,
    column: &str,
    text: &str,
) -> String {
    let safe = match column {
        "period" => text.parse::<Period>().is_ok(),
        "service" => services.contains(text),
        "offer" => offers.contains(text),
        "territory" => Territory::parse(text).is_ok(),
        "recording" => RecordingId::parse(text).is_ok(),
        "plays" | "active_plays" | "fee" => is_small(text),
        _ if text.is_empty() => true,
        _ => return format!("hashed:{:032x}", secret.listener_key(service).hash(text)),
    };
    if safe || text.is_empty() { text.to_owned() } else { "(withheld)".to_owned() }
}
