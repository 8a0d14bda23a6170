//! A line in words, and its arithmetic one step a row.

use super::explain::Explanation;
use super::reasons;
use crate::allocate::{Model, RecordingAmount};
use crate::money::{Micros, Share};
use crate::settle::{Kind, Line, Pool};

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
        let why = if line.credit.to_string().starts_with("suspense:") {
            "held because"
        } else {
            "because"
        };
        let held = line.note.as_ref().map_or_else(String::new, |note| format!(", {why}: {note}"));
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
            if !pool.carried.is_zero() {
                let (carried, why) = if pool.carried.is_negative() {
                    (-pool.carried, "less {} that earlier months gave too much")
                } else {
                    (pool.carried, "and {} that earlier months left undistributed")
                };
                let carried = why.replace("{}", &carried.to_string());
                let total = pool.total();
                steps.push(format!(
                    "what is shared = {} {carried} = {total} {currency}",
                    pool.amount
                ));
                if !self.waits.is_zero() {
                    steps.push(format!(
                        "of it waits, since listeners have not paid as much = {} {currency}",
                        self.waits
                    ));
                }
            }
            if let Some(recording) = &self.recording {
                steps.extend(self.allocation(pool, recording));
            }
        } else if let Some(root) =
            self.chain.last().filter(|root| root.origin.sale && root.kind != Kind::Rounding)
        {
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
                (None, Kind::Adjustment) => {
                    line.note.as_ref().map_or_else(String::new, |note| format!("{note}: "))
                }
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

    fn allocation(&self, pool: &Pool, recording: &RecordingAmount) -> Vec<String> {
        let (plays, listeners) = self.pool_plays;
        let title = &recording.recording;
        let total = pool.total().minus(self.waits).unwrap_or(pool.amount);
        if pool.rule.is_told_by_totals() {
            return vec![match pool.rule.model {
                Model::ProRata => format!(
                    "{title} = {total} × {} of {plays} plays = {} (pro_rata; micros left over go to the largest remainders)",
                    recording.plays, recording.amount
                ),
                _ => format!(
                    "{title} = the sum over its {} listeners of {total} / {listeners} listeners × their plays of it / all \
                     their plays = {} (user_centric; --listeners lists them)",
                    recording.listeners, recording.amount
                ),
            }];
        }
        let mut steps = Vec::new();
        if pool.rule.hold.is_some() {
            steps.push(format!(
                "suspicious plays are held and do not count: `tantieme suspicious {}` lists them",
                pool.origin.period
            ));
        }
        let shared = Micros::sum(self.details.iter().map(|detail| detail.shared));
        let set_aside = shared.and_then(|shared| total.minus(shared)).unwrap_or(Micros::ZERO);
        if !set_aside.is_zero() {
            steps.push(format!(
                "set aside for those who paid and played nothing = {set_aside} {}",
                pool.origin.currency
            ));
        }
        for (part, detail) in (1..).zip(&self.details) {
            if self.details.len() > 1 {
                steps.push(format!("part {part} of the blend shares {}:", detail.shared));
            }
            steps.extend(reasons::steps(detail, title, pool.origin.currency));
        }
        if self.details.len() > 1 {
            steps.push(format!("{title} = all parts together = {}", recording.amount));
        }
        steps
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
