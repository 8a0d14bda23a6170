//! Degressive bands: the more an artist's recordings are played, the less a play counts.

use ruint::aliases::U256;

use super::modifiers::Band;
use super::rule::Rule;
use crate::money::Micros;

/// Shares an amount by weighted plays, of which each artist's are counted by the rule's bands.
///
/// With W an artist's weighted plays and g(W) what they count for in the bands, a recording with T
/// of them gets amount × T·g(W) / W / Σg, exactly: ⌊…⌋, and the micros left over go one each to
/// the largest remainders, ties to the recording that comes first. None if nothing counts.
pub(super) fn share(
    amount: Micros,
    rule: &Rule,
    weights: &[u128],
    artists: &[u32],
) -> Option<Vec<Micros>> {
    let (of_artists, banded) = by_artist(rule, weights, artists);
    let total: u128 = banded.iter().sum();
    if total == 0 {
        return None;
    }
    let micros = amount.micros().unsigned_abs();
    // A remainder is a fraction of its artist's W; the factor Σg is common to all.
    let mut parts = Vec::with_capacity(weights.len());
    let mut remainders = Vec::with_capacity(weights.len());
    for (weight, artist) in weights.iter().zip(artists) {
        let (plays, banded) = (of_artists[*artist as usize].max(1), banded[*artist as usize]);
        let product = U256::from(micros) * U256::from(*weight) * U256::from(banded);
        let (part, remainder) = product.div_rem(U256::from(plays) * U256::from(total));
        parts.push(u64::try_from(part).unwrap_or(micros)); // at most the amount
        remainders.push((remainder, U256::from(plays)));
    }
    let left_over = micros - parts.iter().sum::<u64>();
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_unstable_by(|a, b| {
        let ((one, of), (other, of_other)) = (remainders[*a], remainders[*b]);
        (other * of).cmp(&(one * of_other)).then(a.cmp(b))
    });
    for at in order.into_iter().take(usize::try_from(left_over).unwrap_or(usize::MAX)) {
        parts[at] += 1;
    }
    let part = |part| Micros::from_micros(i128::from(part)).unwrap_or(amount); // at most the amount
    Some(parts.into_iter().map(part).collect())
}

/// Each artist's weighted plays, and what they count for.
fn by_artist(rule: &Rule, weights: &[u128], artists: &[u32]) -> (Vec<u128>, Vec<u128>) {
    let count = artists.iter().max().map_or(0, |last| *last as usize + 1);
    let mut of_artists = vec![0_u128; count];
    for (weight, artist) in weights.iter().zip(artists) {
        of_artists[*artist as usize] += weight;
    }
    let unit = 10_u128.pow(rule.places());
    let banded = of_artists.iter().map(|plays| counted(&rule.bands, *plays, unit)).collect();
    (of_artists, banded)
}

/// Of a recording's artist, the weighted plays and what they count for; and what those of all
/// artists do.
pub(super) fn of_artist(
    rule: &Rule,
    weights: &[u128],
    artists: &[u32],
    recording: usize,
) -> (u128, u128, u128) {
    let (of_artists, banded) = by_artist(rule, weights, artists);
    let artist = artists[recording] as usize;
    (of_artists[artist], banded[artist], banded.iter().sum())
}

/// What so many weighted plays count for, in millionths of their unit, of which `unit` are a play.
fn counted(bands: &[Band], plays: u128, unit: u128) -> u128 {
    let (mut begin, mut counted) = (0, 0);
    for band in bands {
        let end = band.up_to.map_or(u128::MAX, |end| u128::from(end) * unit).min(plays);
        counted += end.saturating_sub(begin) * u128::from(band.factor.units(6));
        begin = begin.max(end);
    }
    counted
}

#[cfg(test)]
mod tests {
    use super::super::factor::Factor;
    use super::*;

    #[test]
    fn plays_count_by_the_band_they_are_in() {
        let band = |up_to, factor| Band { up_to, factor: Factor::parse(factor).unwrap() };
        let bands = [band(Some(10), "2"), band(Some(100), "1"), band(None, "0.5")];
        for (plays, thousandths) in
            [(0, 0), (1, 2000), (10, 20_000), (11, 21_000), (100, 110_000), (103, 111_500)]
        {
            assert_eq!(counted(&bands, plays, 1), thousandths * 1000);
            assert_eq!(counted(&bands, plays * 10, 10), thousandths * 10_000);
        }
    }
}
