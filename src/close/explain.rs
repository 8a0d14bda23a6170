//! Why a line is what it is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::CloseError;
use super::lines::Lines;
use super::manifest::Manifest;
use super::run::{Run, State};
use super::steps::Amounts;
use crate::allocate::{Model, RecordingAmount};
use crate::catalog::{Party, Recording};
use crate::facts::Workspace;
use crate::ident::{Name, RecordingId};
use crate::money::Share;
use crate::settle::{Kind, Line, LineId, Pool};
use crate::store::Tx;
use crate::store::statements::closes::RUNS;
use crate::usage::{Listening as _, SealedScan};

/// What one listener added to a recording's part of a pool.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Listener {
    /// The listener's hash; nobody's name.
    pub listener: String,
    /// Plays of the recording.
    pub plays: u32,
    /// All of the listener's plays in the pool.
    pub plays_total: u64,
    /// What that adds, in units of 2⁻⁶⁴ micro; none where plays weigh alike.
    pub owed: Option<String>,
}

/// A line, its chain up to the pool or sale, and what the pool's arithmetic needs.
#[derive(Debug)]
pub struct Explanation {
    /// The month it settles in, and how far that has come.
    pub state: State,
    /// The line first, then the line whose money it pays on, and so on.
    pub chain: Vec<Line>,
    /// Titles and names by id, for those that the chain names.
    pub names: BTreeMap<String, String>,
    /// The pool, unless the money is from a sale.
    pub pool: Option<Pool>,
    /// What the pool gave the recording.
    pub recording: Option<RecordingAmount>,
    /// All plays and listeners of the pool.
    pub pool_plays: (u64, u64),
    /// The listeners, where they were asked for.
    pub listeners: Vec<Listener>,
}

/// Finds a line and all that explains it: in a published month, else in a draft, else in a run
/// that was denied. A file that cannot be read hides only its own lines.
pub async fn explain(
    workspace: &Workspace,
    id: &str,
    listeners: bool,
) -> Result<Explanation, CloseError> {
    let wanted = LineId::parse(id).ok_or_else(|| CloseError::NoLine(id.to_owned()))?;
    let data = workspace.data();
    let mut tx = workspace.store.read().await?;
    let runs = tx.rows(RUNS, &[]).await?;
    let mut runs = runs.iter().map(Run::read).collect::<Result<Vec<_>, _>>()?;
    runs.sort_by_key(|run| match run.state {
        State::Published => 0,
        State::Denied => 2,
        _ => 1,
    });
    let mut unreadable = None;
    for run in runs {
        let Some(made) = run.made(&mut tx, "settle").await? else { continue };
        let found = chain(&data.join(&made.path), wanted)
            .and_then(|chain| chain.map(|chain| made.check(&data).map(|_| chain)).transpose());
        match found {
            Ok(None) => {}
            Ok(Some(chain)) => return explanation(&data, &mut tx, &run, chain, listeners).await,
            Err(error) if run.state != State::Denied => unreadable = unreadable.or(Some(error)),
            Err(error) => {
                tracing::debug!(period = %run.period, %error, "a denied run is passed over");
            }
        }
    }
    Err(unreadable.unwrap_or_else(|| CloseError::NoLine(id.to_owned())))
}

/// All that explains the first line of a chain.
async fn explanation(
    data: &Path,
    tx: &mut Tx,
    run: &Run,
    chain: Vec<Line>,
    listeners: bool,
) -> Result<Explanation, CloseError> {
    let manifest = Manifest::read(data, run.period, run.manifest)?;
    let planned = manifest.plan(data)?;
    let allocation = run.has_made(tx, "allocate").await?;
    let mut explanation = Explanation {
        state: run.state,
        names: names(data, &manifest, &chain)?,
        pool: None,
        recording: None,
        pool_plays: (0, 0),
        listeners: Vec::new(),
        chain,
    };
    let Some(root) = explanation.chain.last().filter(|line| !line.origin.sale).cloned() else {
        return Ok(explanation);
    };
    let pool = planned.pools.iter().find(|pool| pool.origin == root.origin).cloned();
    if let (Some(pool), Some(recording)) = (&pool, &root.recording) {
        let allocation = allocation.check(data)?;
        (explanation.recording, explanation.pool_plays) =
            allocated(&allocation, &planned.pools, pool, recording)?;
        if listeners {
            let paths = manifest.usage_by_key(data, pool, &planned.keys);
            explanation.listeners = who(&paths, pool, recording, explanation.pool_plays.1)?;
        }
    }
    explanation.pool = pool;
    Ok(explanation)
}

/// The line and those above it. Each is found by the column of ids; no other row is unpacked.
fn chain(path: &Path, wanted: LineId) -> Result<Option<Vec<Line>>, CloseError> {
    let mut chain: Vec<Line> = Vec::new();
    let mut next = Some(wanted);
    while let Some(id) = next {
        let Some(row) = Lines::find(path, id.bytes())? else { return Ok(None) };
        let Some(line) = Lines::open(path, Some((row, 1)))?.next().transpose()? else {
            return Ok(None);
        };
        next = line.parent;
        chain.push(line);
    }
    Ok(Some(chain))
}

/// What those are called whom a chain names.
fn names(
    data: &Path,
    manifest: &Manifest,
    chain: &[Line],
) -> Result<BTreeMap<String, String>, CloseError> {
    let sides = chain.iter().flat_map(|line| [line.debit.party(), line.credit.party()]);
    let parties: BTreeSet<&Name> = sides.flatten().collect();
    let recordings: BTreeSet<_> = chain.iter().filter_map(|line| line.recording.as_ref()).collect();
    let mut names = BTreeMap::new();
    manifest.each_fact(data, |party: Party| {
        if parties.contains(&party.party) {
            names.insert(party.party.to_string(), party.name);
        }
    })?;
    manifest.each_fact(data, |recording: Recording| {
        if recordings.contains(&recording.recording) {
            names.insert(recording.recording.to_string(), recording.title);
        }
    })?;
    Ok(names)
}

/// What a pool gave a recording, and all plays and listeners of the pool.
fn allocated(
    path: &Path,
    pools: &[Pool],
    pool: &Pool,
    recording: &RecordingId,
) -> Result<(Option<RecordingAmount>, (u64, u64)), CloseError> {
    let mut amounts = Amounts::open(path)?;
    for other in pools {
        let mut found = None;
        let totals = amounts.each(&other.origin.key(), |id, plays, listeners, amount| {
            if id == recording.as_str() {
                let recording = recording.clone();
                found = Some(RecordingAmount { recording, plays, listeners, amount });
            }
            Some(())
        })?;
        if other == pool {
            return Ok((found, totals));
        }
    }
    Ok((None, (0, 0)))
}

/// Every listener of a recording, with what is needed to redo the recording's part by hand.
fn who(
    paths: &[std::path::PathBuf],
    pool: &Pool,
    recording: &RecordingId,
    pool_listeners: u64,
) -> Result<Vec<Listener>, CloseError> {
    let scan = SealedScan::open(paths, 1)?;
    let number = scan.recordings().iter().position(|id| id == recording);
    let mut found = Vec::new();
    let amount = u128::from(pool.amount.micros().unsigned_abs());
    scan.visit(|listener, plays| {
        let of_recording = plays.iter().find(|play| Some(play.recording as usize) == number);
        let Some(play) = of_recording.filter(|play| play.plays > 0) else { return };
        let plays_total: u64 = plays.iter().map(|play| u64::from(play.plays)).sum();
        let owed = (pool.model == Model::UserCentric).then(|| {
            let each = (amount << 64) / (u128::from(pool_listeners) * u128::from(plays_total));
            (each * u128::from(play.plays)).to_string()
        });
        found.push(Listener {
            listener: format!("{listener:032x}"),
            plays: play.plays,
            plays_total,
            owed,
        });
    })?;
    Ok(found)
}

impl Explanation {
    /// The line as one sentence.
    pub fn sentence(&self) -> String {
        let line = &self.chain[0];
        let named = |id: &str| self.names.get(id).cloned().unwrap_or_else(|| id.to_owned());
        let (payee, payer) = (named(&line.credit.shown()), named(&line.debit.shown()));
        let currency = line.origin.currency;
        let what = line.recording.as_ref().map_or_else(
            || {
                line.origin
                    .release
                    .as_ref()
                    .map_or_else(String::new, |r| format!(" for release {r}"))
            },
            |id| format!(" for \u{201c}{}\u{201d}", named(id.as_str())),
        );
        let of = match (&line.rate, line.kind) {
            (Some(rate), Kind::Share) => {
                format!(", a share of {} of {} {currency}", rate_text(rate), line.base)
            }
            (Some(rate), _) => format!(", {} of {} {currency}", rate_text(rate), line.base),
            (None, _) => String::new(),
        };
        let by = match (&line.agreement, line.kind) {
            (Some(agreement), Kind::Royalty | Kind::Pool) => {
                format!(
                    ", by {} of agreement {} (version {})",
                    agreement.term, agreement.id, agreement.version
                )
            }
            _ => String::new(),
        };
        let held =
            line.note.as_ref().map_or_else(String::new, |note| format!(", held because: {note}"));
        let gets = if line.amount.is_negative() {
            format!("{payee} gives {} {currency} back to {payer}", -line.amount)
        } else {
            format!("{payee} gets {} {currency} from {payer}", line.amount)
        };
        let place = format!(
            "{} {} in {} ({})",
            line.origin.service, line.origin.offer, line.origin.territory, line.origin.right
        );
        if line.kind == Kind::Rounding {
            return format!("{gets}, {} in {}.", rounding(line), line.origin.period);
        }
        format!(
            "{gets}{what}, {} {} on {place} in {}{of}{by}{held}.",
            line.plays.unsigned_abs(),
            counted(line),
            line.origin.period,
        )
    }

    /// The arithmetic from the money that came in to the line, one step a row.
    pub fn arithmetic(&self) -> Vec<String> {
        let mut steps = Vec::new();
        if let Some(pool) = &self.pool {
            let currency = pool.origin.currency;
            let gave_way = if pool.revenue.percent(pool.rate) == pool.amount {
                ""
            } else {
                " (a micro less than half to even: the right before it has taken the rest)"
            };
            steps.push(format!(
                "pool = {} {currency} revenue × {} % = {} {currency}{gave_way}   [{} of {} version {}]",
                pool.revenue,
                pool.rate,
                pool.amount,
                pool.agreement.term,
                pool.agreement.id,
                pool.agreement.version
            ));
            if let Some(recording) = &self.recording {
                steps.push(self.allocation(pool, recording));
            }
        } else if let Some(root) = self.chain.last().filter(|root| root.kind != Kind::Rounding) {
            let what = root.origin.release.as_ref().map_or_else(String::new, |release| {
                format!(", this recording's equal part of release {release}")
            });
            steps.push(format!(
                "sale = {} {} for {} {} by {}{what}",
                root.base,
                root.origin.currency,
                root.plays.unsigned_abs(),
                counted(root),
                root.origin.service
            ));
        }
        for line in self.chain.iter().rev().filter(|line| line.kind != Kind::Pool) {
            let from = match (&line.rate, line.kind) {
                (Some(rate), _) => format!("{} × {} = ", line.base, rate_text(rate)),
                (None, Kind::Unclaimed) => format!("{} less what is claimed = ", line.base),
                (None, Kind::Rounding) => format!("{} = ", rounding(line)),
                (None, _) => String::new(), // the whole of it
            };
            steps.push(format!(
                "{} to {} = {from}{} {}{}   [line {}]",
                line.kind.as_str(),
                line.credit.shown(),
                line.amount,
                line.origin.currency,
                apart(line),
                line.id
            ));
        }
        steps
    }

    fn allocation(&self, pool: &Pool, recording: &RecordingAmount) -> String {
        let (plays, listeners) = self.pool_plays;
        let title = &recording.recording;
        match pool.model {
            Model::ProRata => format!(
                "{title} = {} × {} of {plays} plays = {} (pro_rata; micros left over go to the largest remainders)",
                pool.amount, recording.plays, recording.amount
            ),
            // A close has only these two.
            _ => format!(
                "{title} = the sum over its {} listeners of {} / {listeners} listeners × their plays of it / all \
                 their plays = {} (user_centric; --listeners lists them)",
                recording.listeners, pool.amount, recording.amount
            ),
        }
    }
}

/// A claim's share or a participant's rate as people read it: `50 %`, or `1/3`.
fn rate_text(rate: &str) -> String {
    if rate.contains('/') { rate.to_owned() } else { format!("{rate} %") }
}

/// What a line's plays are.
fn counted(line: &Line) -> &'static str {
    match (line.origin.sale, line.origin.returned) {
        (true, true) => "returned",
        (true, false) => "sold",
        (false, _) => "plays",
    }
}

/// What rounding a report's items leaves.
fn rounding(line: &Line) -> String {
    format!(
        "what rounding each of {}'s items to the micro leaves of their total",
        line.origin.service
    )
}

/// How far a divided amount is from the plain product: less than a micro, by the rule of
/// largest remainders.
fn apart(line: &Line) -> &'static str {
    let share = line.rate.as_deref().and_then(|rate| Share::parse(rate).ok());
    match share {
        Some(share) if share.of(line.base) != i128::from(line.amount.micros()) => {
            " (to the micro, by largest remainder)"
        }
        _ => "",
    }
}
