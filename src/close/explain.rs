//! Why a line is what it is.

use super::CloseError;
use super::manifest::{Loaded, Manifest};
use super::run::{Run, State};
use super::steps::{self, Lines};
use crate::allocate::{Model, RecordingAmount};
use crate::columnar::{Cell, TableReader};
use crate::facts::Workspace;
use crate::ident::RecordingId;
use crate::settle::{Kind, Line, LineId, Pool};
use crate::store::statements::closes::RUNS;
use crate::usage::SealedScan;

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
    pub names: std::collections::BTreeMap<String, String>,
    /// The pool, unless the money is from a sale.
    pub pool: Option<Pool>,
    /// What the pool gave the recording.
    pub recording: Option<RecordingAmount>,
    /// All plays and listeners of the pool.
    pub pool_plays: (u64, u64),
    /// The listeners, where they were asked for.
    pub listeners: Vec<Listener>,
}

/// Finds a line in the newest run that has it, and all that explains it.
pub async fn explain(
    workspace: &Workspace,
    id: &str,
    listeners: bool,
) -> Result<Explanation, CloseError> {
    let wanted = LineId::parse(id).ok_or_else(|| CloseError::NoLine(id.to_owned()))?;
    let data = workspace.data();
    let mut tx = workspace.store.read().await?;
    for row in tx.rows(RUNS, &[]).await? {
        let run = Run::read(&row)?;
        let Some(made) = run.made(&mut tx, "settle").await? else { continue };
        let path = made.check(&data)?;
        let Some(chain) = chain(&path, wanted)? else { continue };
        let manifest = Manifest::read(&data, run.period, run.manifest)?;
        let loaded = manifest.load(&data)?;
        let allocation =
            run.made(&mut tx, "allocate").await?.ok_or(CloseError::NotClosed(run.period))?;
        let mut explanation = Explanation {
            state: run.state,
            names: names(&chain, &loaded),
            pool: None,
            recording: None,
            pool_plays: (0, 0),
            listeners: Vec::new(),
            chain,
        };
        let Some(root) = explanation.chain.last().filter(|line| !line.origin.sale).cloned() else {
            return Ok(explanation);
        };
        let pool = loaded.pools.iter().find(|pool| pool.origin == root.origin).cloned();
        if let (Some(pool), Some(recording)) = (&pool, &root.recording) {
            let at = loaded.pools.iter().position(|other| other == pool).unwrap_or_default();
            let allocation = allocation.check(&data)?;
            let amounts = steps::read_allocation(&allocation, &loaded.pools)?.swap_remove(at);
            explanation.recording = amounts.into_iter().find(|r| r.recording == *recording);
            explanation.pool_plays = totals(&allocation, pool)?;
            if listeners {
                let paths = manifest.usage_of(&data, pool, &loaded);
                explanation.listeners = who(paths, pool, recording, explanation.pool_plays.1)?;
            }
        }
        explanation.pool = pool;
        return Ok(explanation);
    }
    Err(CloseError::NoLine(id.to_owned()))
}

/// The line and those above it, from one reading for each.
fn chain(path: &std::path::Path, wanted: LineId) -> Result<Option<Vec<Line>>, CloseError> {
    let mut chain: Vec<Line> = Vec::new();
    let mut next = Some(wanted);
    while let Some(id) = next {
        let found =
            Lines::open(path)?.find(|line| line.as_ref().map_or(true, |line| line.id == id));
        let Some(line) = found.transpose()? else { return Ok(None) };
        next = line.parent;
        chain.push(line);
    }
    Ok(Some(chain))
}

fn names(chain: &[Line], loaded: &Loaded) -> std::collections::BTreeMap<String, String> {
    let catalogue = &loaded.facts.catalogue;
    let mut names = std::collections::BTreeMap::new();
    for line in chain {
        for party in [line.debit.party(), line.credit.party()].into_iter().flatten() {
            if let Some(found) = catalogue.party(party) {
                names.insert(party.to_string(), found.name.clone());
            }
        }
        if let Some(found) = line.recording.as_ref().and_then(|id| catalogue.recording(id)) {
            names.insert(found.recording.to_string(), found.title.clone());
        }
    }
    names
}

fn totals(path: &std::path::Path, pool: &Pool) -> Result<(u64, u64), CloseError> {
    let key = pool.origin.key();
    let mut table = TableReader::open(path, steps::ALLOCATION, None)?;
    while let Some(cells) = table.read_row()? {
        if let [Cell::Text(found), Cell::Absent, Cell::Int(plays), Cell::Int(listeners), _] =
            cells.as_slice()
            && **found == *key
        {
            let count = |number: i64| u64::try_from(number).unwrap_or_default();
            return Ok((count(*plays), count(*listeners)));
        }
    }
    Ok((0, 0))
}

/// Every listener of a recording, with what is needed to redo the recording's part by hand.
fn who(
    paths: Vec<std::path::PathBuf>,
    pool: &Pool,
    recording: &RecordingId,
    pool_listeners: u64,
) -> Result<Vec<Listener>, CloseError> {
    // A first pass finds the recording's number.
    let mut scan = SealedScan::new(paths, 1);
    scan.visit(|_, _| {})?;
    let number = crate::usage::Listening::recordings(&scan).iter().position(|id| id == recording);
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
            (Some(rate), Kind::Share) => format!(", a share of {rate} of {} {currency}", line.base),
            (Some(rate), _) => format!(", {rate} % of {} {currency}", line.base),
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
        format!(
            "{gets}{what}, {} {} on {place} in {}{of}{by}{held}.",
            line.plays.unsigned_abs(),
            match (line.origin.sale, line.plays < 0) {
                (true, true) => "returned",
                (true, false) => "sold",
                (false, _) => "plays",
            },
            line.origin.period,
        )
    }

    /// The arithmetic from the money that came in to the line, one step a row.
    pub fn arithmetic(&self) -> Vec<String> {
        let mut steps = Vec::new();
        if let Some(pool) = &self.pool {
            let currency = pool.origin.currency;
            steps.push(format!(
                "pool = {} {currency} revenue × {} % = {} {currency}   [{} of {} version {}]",
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
        } else if let Some(root) = self.chain.last() {
            let what = root.origin.release.as_ref().map_or_else(String::new, |release| {
                format!(", this recording's equal part of release {release}")
            });
            steps.push(format!(
                "sale = {} {} for {} sold by {}{what}",
                root.base, root.origin.currency, root.plays, root.origin.service
            ));
        }
        for line in self.chain.iter().rev().filter(|line| line.kind != Kind::Pool) {
            let rate = match (&line.rate, line.kind) {
                (Some(rate), Kind::Royalty) => format!(" × {rate} %"),
                (Some(rate), _) if rate.contains('/') => format!(" × {rate}"),
                (Some(rate), _) => format!(" × {rate} %"),
                (None, _) => String::new(),
            };
            steps.push(format!(
                "{} to {} = {}{rate} = {} {}{}   [line {}]",
                line.kind.as_str(),
                line.credit.shown(),
                line.base,
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
            Model::UserCentric => format!(
                "{title} = the sum over its {} listeners of {} / {listeners} listeners × their plays of it / all \
                 their plays = {} (user_centric; --listeners lists them)",
                recording.listeners, pool.amount, recording.amount
            ),
        }
    }
}

/// How far a divided amount is from the plain product: less than a micro, by the rule of
/// largest remainders.
fn apart(line: &Line) -> &'static str {
    let plain = line.rate.as_deref().and_then(|rate| crate::money::Percent::parse(rate).ok());
    match plain {
        Some(percent)
            if line.base.percent(percent) != line.amount && line.kind != Kind::Unclaimed =>
        {
            " (to the micro, by largest remainder)"
        }
        _ => "",
    }
}
