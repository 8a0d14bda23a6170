//! A drawing of Lorenz curves: for every part of the artists, the poorest first, their part of the
//! money. M. O. Lorenz, *Methods of Measuring the Concentration of Wealth*, 1905.
//!
//! A picture is drawn in whole tenths of a point, from exact fractions.

use std::fmt::Write as _;

use super::measures::Distribution;

/// Steps on the axes at which a curve has a point.
const ARTISTS_STEPS: u128 = 100;
const MONEY_STEPS: u128 = 50;
/// The plot, in tenths of a point: its left and top edge, and how long a side is.
const LEFT: u128 = 900;
const TOP: u128 = 1000;
const SIDE: u128 = 5200;
/// Where the names of the curves stand.
const LEGEND: u128 = LEFT + SIDE + 350;
const WIDTH: u128 = LEGEND + 3400;
/// How far apart the names are, and what stands under them.
const NAME_HEIGHT: u128 = 620;
const NOTE_HEIGHT: u128 = 1000;
/// The most letters of a name.
const NAME_LETTERS_MAX: usize = 26;
/// Colours that can be told apart by whoever does not see red or green. M. Okabe and K. Ito,
/// *Color Universal Design*, 2008; without their yellow, which is too faint on white.
const COLOURS: [&str; 7] =
    ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"];
/// Curves that lie on each other can be told apart by these too.
const DASHES: [&str; 4] = ["", "10 5", "3 4", "12 4 3 4"];

/// One curve of a drawing.
#[derive(Debug)]
pub struct Curve<'a> {
    /// What it is called.
    pub name: &'a str,
    /// What it shows.
    pub paid: &'a Distribution,
}

/// Points of a Lorenz curve in units of a plot's side: at every hundredth of the artists, and on
/// both sides of where every fiftieth of the money is reached, so that a curve which climbs at its
/// end alone is drawn as well as any.
fn points(paid: &Distribution) -> Vec<(u128, u128)> {
    let (count, total) = (paid.sorted().len() as u128, paid.total());
    let (mut points, mut before, mut sum) = (vec![(0, 0)], (0, 0), 0);
    let (mut artists_step, mut money_step) = (1, 1);
    for (number, amount) in (1_u128..).zip(paid.sorted()) {
        sum += u128::from(*amount);
        let point = (number * SIDE / count, sum * SIDE / total);
        let (artists, money) = (number * ARTISTS_STEPS / count, sum * MONEY_STEPS / total);
        if money >= money_step && points.last() != Some(&before) {
            points.push(before);
        }
        if artists >= artists_step || money >= money_step {
            points.push(point);
        }
        (artists_step, money_step) = (artists_step.max(artists + 1), money_step.max(money + 1));
        before = point;
    }
    points
}

/// Draws curves, at least one, as an SVG that needs nothing else. The title says what is shown,
/// the line under it what of.
pub fn plot(title: &str, about: &str, curves: &[Curve<'_>]) -> String {
    let names_height = curves.len() as u128 * NAME_HEIGHT;
    let height = TOP + (SIDE + 1100).max(names_height + NOTE_HEIGHT + 250);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" width=\"{}\" \
         height=\"{}\" role=\"img\" font-family=\"Helvetica, Arial, 'Liberation Sans', sans-serif\" \
         font-size=\"14\" fill=\"#222222\">\n<title>{}</title>\n<desc>{}</desc>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
        tenths(WIDTH),
        tenths(height),
        tenths(WIDTH),
        tenths(height),
        escaped(title),
        escaped(about),
    );
    let mut text = |x: u128, y: u128, style: &str, words: &str| {
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\"{style}>{}</text>",
            tenths(x),
            tenths(y),
            escaped(words)
        );
    };
    let (bottom, right, middle) = (TOP + SIDE, LEFT + SIDE, " text-anchor=\"middle\"");
    text(LEFT, 420, " font-size=\"22\" font-weight=\"bold\"", title);
    text(LEFT, 700, " fill=\"#555555\"", about);
    text(LEFT + SIDE / 2, bottom + 600, middle, "Artists, from the least paid to the best paid");
    let upright = format!(
        "{middle} transform=\"rotate(-90 {} {})\"",
        tenths(LEFT - 620),
        tenths(TOP + SIDE / 2)
    );
    text(LEFT - 620, TOP + SIDE / 2, &upright, "Their part of the money");
    for percent in (0..=100).step_by(20) {
        let label = format!("{percent} %");
        let along = SIDE * percent / 100;
        text(LEFT + along, bottom + 250, &format!("{middle} fill=\"#555555\""), &label);
        text(LEFT - 100, bottom - along + 50, " text-anchor=\"end\" fill=\"#555555\"", &label);
    }
    let slope = format!(
        "{middle} font-size=\"13\" fill=\"#666666\" transform=\"rotate(-45 {} {})\"",
        tenths(LEFT + SIDE / 2 - 80),
        tenths(TOP + SIDE / 2 - 80)
    );
    let (x, y) = (LEFT + SIDE / 2 - 80, TOP + SIDE / 2 - 80);
    text(x, y, &slope, "if every artist were paid the same");
    for (at, curve) in (0_u128..).zip(curves) {
        let y = TOP + 250 + at * NAME_HEIGHT;
        text(LEGEND + 480, y, " font-weight=\"bold\"", &shortened(curve.name));
        let measures = curve.paid.measures();
        let words = format!(
            "Gini {:.3}; the best paid 10 % get {}",
            measures.gini,
            measures.top_10_percent.percent()
        );
        text(LEGEND + 480, y + 210, " font-size=\"12\" fill=\"#555555\"", &words);
    }
    let y = TOP + 250 + names_height;
    let note = " font-size=\"12\" fill=\"#555555\"";
    for (line, words) in (0..).zip([
        "The nearer to the straight line,",
        "the more evenly the money is spread.",
        "Curves that lie on each other may",
        "still pay different artists.",
    ]) {
        text(LEGEND, y + 100 + line * 180, note, words);
    }
    for percent in (0..=100).step_by(20) {
        let along = SIDE * percent / 100;
        line(&mut svg, (LEFT + along, TOP), (LEFT + along, bottom), "#e4e4e4", "");
        line(&mut svg, (LEFT, TOP + along), (right, TOP + along), "#e4e4e4", "");
    }
    line(&mut svg, (LEFT, bottom), (right, TOP), "#888888", " stroke-dasharray=\"4 4\"");
    line(&mut svg, (LEFT, bottom), (right, bottom), "#444444", "");
    line(&mut svg, (LEFT, TOP), (LEFT, bottom), "#444444", "");
    for (at, curve) in curves.iter().enumerate() {
        let style = style(at);
        let points: Vec<String> = points(curve.paid)
            .into_iter()
            .map(|(x, y)| format!("{},{}", tenths(LEFT + x), tenths(bottom - y)))
            .collect();
        let _ = writeln!(svg, "<polyline points=\"{}\"{style}/>", points.join(" "));
        let y = TOP + 200 + at as u128 * NAME_HEIGHT;
        let (from, to) = (tenths(LEGEND), tenths(LEGEND + 400));
        let y = tenths(y);
        let _ = writeln!(svg, "<polyline points=\"{from},{y} {to},{y}\"{style}/>");
    }
    svg.push_str("</svg>\n");
    svg
}

/// How the curve at a place is drawn.
fn style(at: usize) -> String {
    let colour = COLOURS[at % COLOURS.len()];
    let dashes = match DASHES[at % DASHES.len()] {
        "" => String::new(),
        dashes => format!(" stroke-dasharray=\"{dashes}\""),
    };
    format!(
        " fill=\"none\" stroke=\"{colour}\" stroke-width=\"2.5\" stroke-linejoin=\"round\"{dashes}"
    )
}

fn line(svg: &mut String, from: (u128, u128), to: (u128, u128), colour: &str, more: &str) {
    let _ = writeln!(
        svg,
        "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" stroke=\"{colour}\"{more}/>",
        tenths(from.0),
        tenths(from.1),
        tenths(to.0),
        tenths(to.1)
    );
}

/// A length as SVG has it.
fn tenths(length: u128) -> String {
    let (whole, rest) = (length / 10, length % 10);
    if rest == 0 { whole.to_string() } else { format!("{whole}.{rest}") }
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= NAME_LETTERS_MAX {
        return name.to_owned();
    }
    name.chars().take(NAME_LETTERS_MAX - 1).chain(['…']).collect()
}

/// A text that holds no mark of XML, nor a character that XML cannot hold.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Micros;

    fn paid(amounts: &[i64]) -> Distribution {
        let micros = |amount: &i64| Micros::from_micros(i128::from(*amount)).unwrap();
        Distribution::of(amounts.iter().map(micros)).unwrap()
    }

    #[test]
    fn a_curve_goes_through_the_parts_of_the_poorest() {
        // 5 of 30 for a third of the artists, 15 of 30 for two.
        // At every artist there is a point, for there are few.
        let expected = [(0, 0), (SIDE / 3, SIDE / 6), (SIDE * 2 / 3, SIDE / 2), (SIDE, SIDE)];
        assert_eq!(points(&paid(&[10, 15, 5])), expected);
        assert_eq!(points(&paid(&[4])), [(0, 0), (SIDE, SIDE)]);
    }

    #[test]
    fn a_curve_has_few_points_and_they_are_where_it_climbs() {
        // A hundred of a million have all but a hundredth of it.
        let mut amounts = vec![0; 1_000_000];
        amounts[..100].fill(1_000_000);
        amounts[100..100_000].fill(10);
        let points = points(&paid(&amounts));
        assert!(points.len() <= 201, "{}", points.len());
        assert_eq!(points.last(), Some(&(SIDE, SIDE)));
        let steep = points.windows(2).filter(|pair| pair[1].1 - pair[0].1 > SIDE / 50).count();
        assert_eq!(steep, 0, "{points:?}");
        assert!(points.is_sorted());
    }

    #[test]
    fn names_are_escaped_and_cut() {
        let paid = paid(&[1, 2]);
        let name = "a<b>&\"c'\u{1}".to_owned() + &"d".repeat(40);
        let svg = plot("title & <more>", "about", &[Curve { name: &name, paid: &paid }]);
        assert!(svg.contains("a&lt;b&gt;&amp;&quot;c&#39;\u{fffd}dd"));
        assert!(
            svg.contains("d…</text>") && svg.contains("<title>title &amp; &lt;more&gt;</title>")
        );
        assert!(!svg.contains("<b>") && svg.ends_with("</svg>\n"));
    }
}
