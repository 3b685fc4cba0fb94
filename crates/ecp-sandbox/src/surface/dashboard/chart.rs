//! Charts without a script: geometry for SVG, with every number in text beside it.

/// Column chart, in which each column is a stack of parts.
pub(crate) struct Columns {
    pub(crate) bars: Vec<Bar>,
    pub(crate) labels: Vec<String>,
    /// The greatest sum of a column, as the label of the axis.
    pub(crate) top: String,
}

/// A drawn part of a column.
pub(crate) struct Bar {
    pub(crate) class: &'static str,
    pub(crate) title: String,
    pub(crate) x: String,
    pub(crate) y: String,
    pub(crate) width: String,
    pub(crate) height: String,
}

/// The drawing's size; browsers stretch it.
pub(crate) const WIDTH: f64 = 720.0;
pub(crate) const HEIGHT: f64 = 160.0;

/// A column of the chart before it is drawn.
pub(super) struct Column {
    pub(super) label: String,
    /// The parts from the bottom up, each with its CSS class, its value and its title.
    pub(super) parts: Vec<(&'static str, u64, String)>,
}

impl Columns {
    pub(super) fn new(columns: Vec<Column>, tell: impl Fn(u64) -> String) -> Self {
        let sum = |column: &Column| column.parts.iter().map(|part| part.1).sum::<u64>();
        let top = columns.iter().map(sum).max().unwrap_or(0);
        let step = WIDTH / f64::max(1.0, ratio(columns.len() as u64, 1));
        let gap = f64::min(4.0, step / 4.0);
        let mut bars = Vec::new();
        for (place, column) in (0_u64..).zip(&columns) {
            let mut y = HEIGHT;
            for (class, value, title) in &column.parts {
                if *value == 0 {
                    continue;
                }
                let height = HEIGHT * ratio(*value, top.max(1));
                y -= height;
                bars.push(Bar {
                    class,
                    title: format!("{}: {title}", column.label),
                    x: number(ratio(place, 1) * step + gap / 2.0),
                    y: number(y),
                    width: number(step - gap),
                    height: number(height),
                });
            }
        }
        let labels = columns.into_iter().map(|column| column.label).collect();
        Self { bars, labels, top: tell(top) }
    }

    pub(crate) fn first_label(&self) -> &str {
        self.labels.first().map_or("", String::as_str)
    }

    pub(crate) fn last_label(&self) -> &str {
        self.labels.last().map_or("", String::as_str)
    }
}

/// Returns the share of `part` in `whole` in percent, as the width of a bar.
pub(super) fn share(part: u64, whole: u64) -> String {
    number(100.0 * ratio(part, whole.max(1)))
}

/// Returns the share of `part` in `whole` with its unit, such as `63.6 %`; a dash if `whole` is 0.
pub(super) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 { "–".to_owned() } else { format!("{} %", share(part, whole)) }
}

#[expect(clippy::cast_precision_loss, reason = "a picture needs no more than a double has")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

/// At most one decimal.
fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_column_fills_the_drawing_and_parts_stack() {
        let part = |class, value: u64| (class, value, value.to_string());
        let columns = vec![
            Column { label: "a".to_owned(), parts: vec![part("yes", 3), part("no", 1)] },
            Column { label: "b".to_owned(), parts: vec![part("yes", 0), part("no", 2)] },
        ];
        let drawn = Columns::new(columns, |top| top.to_string());
        assert_eq!((drawn.top.as_str(), drawn.bars.len()), ("4", 3));
        let bars: Vec<_> =
            drawn.bars.iter().map(|bar| (bar.y.as_str(), bar.height.as_str())).collect();
        assert_eq!(bars, [("40", "120"), ("0", "40"), ("80", "80")]);
        assert_eq!((drawn.first_label(), drawn.last_label()), ("a", "b"));
        assert_eq!(drawn.bars[2].title, "b: 2");
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        let drawn = Columns::new(Vec::new(), |top| top.to_string());
        assert!(drawn.bars.is_empty() && drawn.first_label().is_empty());
        assert_eq!(percent(0, 0), "–");
        assert_eq!((percent(1, 3), percent(1, 2)), ("33.3 %".to_owned(), "50 %".to_owned()));
    }
}
