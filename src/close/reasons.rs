//! A rule's arithmetic for one recording, in words and numbers that can be redone by hand.

use crate::allocate::{Budgets, Cap, CapMode, Detail, Measured, Model, Scope, Subject, Within};
use crate::ident::RecordingId;
use crate::money::{Currency, Micros};

/// Weighted plays as a decimal number, from units of their last decimal.
pub(super) fn weighted(units: u128, places: u32) -> String {
    let one = 10_u128.pow(places);
    let text = format!("{}.{:0width$}", units / one, units % one, width = places as usize);
    if places == 0 {
        return (units / one).to_string();
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The steps from what a rule shares to what it gives the recording.
pub(super) fn steps(detail: &Detail, recording: &RecordingId, currency: Currency) -> Vec<String> {
    let rule = &detail.rule;
    let places = rule.places();
    let mut steps: Vec<String> = detail.measured.iter().map(threshold).collect();
    if places > 0 || detail.play != (1, 1) {
        let (play, active) = detail.play;
        let active = match rule.factors.active {
            Some(_) => format!(", an active one {}", weighted(active.into(), places)),
            None => String::new(),
        };
        steps.push(format!(
            "a play of {recording} counts {}{active}",
            weighted(play.into(), places)
        ));
    }
    if let Some(cap) = rule.cap {
        steps.push(format!("each play of a listener with L plays counts {}", reading(cap)));
    }
    let (shared, amount) = (detail.shared, detail.amount);
    let model = rule.model.as_str();
    let parts = if detail.play.0 == 0 && detail.play.1 == 0 {
        format!("{recording} = 0 of {shared} {currency} = {amount} ({model})")
    } else {
        format!("{recording} = {} = {amount} ({model})", formula(detail))
    };
    steps.push(parts);
    steps
}

fn formula(detail: &Detail) -> String {
    let Detail { rule, shared, owed: (owed, all), listeners, .. } = detail;
    let places = rule.places();
    let heard = detail.heard.len();
    let over = format!("the sum over its {heard} listeners of");
    let spread = "× their weighted plays of it / all their weighted plays";
    match rule.model {
        Model::ProRata | Model::Blend => match detail.banded {
            Some((plays, counted, all_counted)) => format!(
                "{shared} × {} of its artist's {} weighted plays × {} they count for of {} that all artists' do",
                weighted(*owed, places),
                weighted(plays, places),
                weighted(counted, places + 6),
                weighted(all_counted, places + 6),
            ),
            None if rule.cap.is_some() => {
                format!("{shared} × {owed} of {all} in units of 2^-64 weighted play")
            }
            None => format!(
                "{shared} × {} of {} weighted plays",
                weighted(*owed, places),
                weighted(*all, places)
            ),
        },
        Model::UserCentric if rule.budgets == Budgets::Fees => {
            format!("{over} {shared} × their fee of {} in fees {spread}", micros(detail.fees))
        }
        Model::UserCentric => format!("{over} {shared} / {listeners} listeners {spread}"),
        Model::EqualPerArtist => format!(
            "{over} {shared} / {listeners} listeners / artists they played × their weighted plays of it / of its artist"
        ),
        Model::ScaledUser => match detail.under_their_fee {
            Some((rest, weight)) if weight > 0 => format!(
                "{over} the less of their fee {spread} and {} / {} × their weighted plays of it",
                micros(rest.into()),
                weighted(weight, places)
            ),
            _ => format!("{over} their fee {spread}"),
        },
    }
}

fn reading(Cap { plays: k, mode }: Cap) -> String {
    match mode {
        CapMode::Clamp => format!("min({k}, L) / L"),
        CapMode::Normalise => format!("{k} / L"),
        CapMode::Half => format!("({k} + (L - {k}) / 2) / L where L is over {k}"),
    }
}

fn threshold(measured: &Measured) -> String {
    let Measured { threshold, found: (plays, listeners), reached } = measured;
    let whose = match threshold.of {
        Subject::Recording => "its",
        Subject::Artist => "its artist's",
    };
    let time = match threshold.within {
        Within::Period => "in the month",
        Within::TwelveMonths => "in twelve months",
    };
    let place = match threshold.scope {
        Scope::Service => "on the service",
        Scope::Pool => "in this pool",
    };
    let wanted = [
        threshold.plays_at_least.map(|least| format!("at least {least} plays")),
        threshold.plays_above.map(|bound| format!("over {bound} plays")),
        threshold.listeners_at_least.map(|least| format!("at least {least} listeners")),
        threshold.listeners_above.map(|bound| format!("over {bound} listeners")),
    ];
    let wanted: Vec<String> = wanted.into_iter().flatten().collect();
    let said = if *reached { "reach" } else { "do not reach" };
    format!(
        "{whose} {plays} plays by {listeners} listeners {time} {place} {said} {}",
        wanted.join(" and ")
    )
}

fn micros(amount: u128) -> String {
    let amount = i128::try_from(amount).ok().and_then(|amount| Micros::from_micros(amount).ok());
    amount.map_or_else(|| "over 2^63 micros".to_owned(), |amount| amount.to_string())
}
