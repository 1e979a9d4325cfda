//! The eleven counter fields that participations, openings and rollups share.

use bson::{Bson, Document};
use gametriggers_documents::{Fields, Problem, participations, values};
use gametriggers_domain::ledger::Counters;
use gametriggers_types::Money;

use crate::document::{stored_count, stored_money};

/// The field of the earnings, the only one that holds money.
pub(crate) const EARNINGS: &str = "estimatedEarnings";
/// The field of the peak, the only one that is not a sum.
pub(crate) const PEAK: &str = "peakViewerCount";
/// The field of the number of samples.
pub(crate) const SAMPLES: &str = "viewerSamples";

/// The values of all counters, in the order of [`named`]. They may be wrong, for example negative.
pub(crate) type Values = [i64; 11];

/// Each counter's field and value, money in micro-units.
pub(crate) fn named(counters: &Counters) -> [(&'static str, i64); 11] {
    [
        ("impressions", stored_count(counters.impressions)),
        ("clicks", stored_count(counters.clicks)),
        ("chatClicks", stored_count(counters.chat_clicks)),
        ("qrScans", stored_count(counters.qr_scans)),
        ("linkClicks", stored_count(counters.link_clicks)),
        ("visits", stored_count(counters.visits)),
        ("paidUnits", stored_count(counters.paid_units)),
        (EARNINGS, counters.earnings.micros()),
        (PEAK, stored_count(counters.peak_viewers)),
        ("viewerSum", stored_count(counters.viewer_sum)),
        (SAMPLES, stored_count(counters.viewer_samples)),
    ]
}

/// The value of one of the fields in the form in which it is stored.
pub(crate) fn stored(field: &str, value: i64) -> Bson {
    if field == EARNINGS { stored_money(Money::from_micros(value)).into() } else { value.into() }
}

/// A document with all fields.
pub(crate) fn write(counters: &Counters) -> Document {
    named(counters).into_iter().map(|(field, value)| (field.to_owned(), stored(field, value))).collect()
}

/// Takes all fields from a document that the ledger has written.
pub(crate) fn read(fields: &mut Fields) -> Result<Counters, Problem> {
    let paid_units = fields.optional("paidUnits", values::count)?.unwrap_or(0);
    Ok(Counters { paid_units, ..participations::counters(fields)? })
}

/// Takes the values of all fields, even if they are out of range.
pub(crate) fn read_any(fields: &mut Fields) -> Result<Values, Problem> {
    let mut found = named(&Counters::default()).map(|(field, _)| (field, 0));
    for (field, value) in &mut found {
        let stored = if *field == EARNINGS {
            fields.optional(field, values::money)?.map(Money::micros)
        } else {
            fields.optional(field, values::whole)?
        };
        *value = stored.unwrap_or(0);
    }
    Ok(found.map(|(_, value)| value))
}

/// The sums of two sets of values. The sum of two peaks is the greater one.
pub(crate) fn sum(one: Values, other: Values) -> Values {
    let sum = |((field, one), (_, other))| {
        if field == PEAK { i64::max(one, other) } else { i64::saturating_add(one, other) }
    };
    let (one, other) = (name(one), name(other));
    std::array::from_fn(|at| sum((one[at], other[at])))
}

/// The values of the counters.
pub(crate) fn values_of(counters: &Counters) -> Values {
    named(counters).map(|(_, value)| value)
}

/// Each value with the name of its field.
pub(crate) fn name(values: Values) -> [(&'static str, i64); 11] {
    let fields = named(&Counters::default());
    std::array::from_fn(|at| (fields[at].0, values[at]))
}

/// A document with the values that are not zero.
pub(crate) fn write_some(values: Values) -> Document {
    let some = name(values).into_iter().filter(|(_, value)| *value != 0);
    some.map(|(field, value)| (field.to_owned(), stored(field, value))).collect()
}

/// An update that is being put together.
#[derive(Default)]
pub(crate) struct Update {
    increments: Document,
    maxima: Document,
    pub(crate) set: Document,
}

impl Update {
    /// Adds these values to the fields whose names begin with `prefix`. The update names only fields that change.
    pub(crate) fn add(&mut self, prefix: &str, change: Values) {
        for (field, value) in name(change).into_iter().filter(|(_, value)| *value != 0) {
            let fields = if field == PEAK { &mut self.maxima } else { &mut self.increments };
            fields.insert(format!("{prefix}{field}"), stored(field, value));
        }
    }

    /// The update in the form that the server takes. It is empty if nothing changes.
    pub(crate) fn into_document(self) -> Document {
        let operators = [("$inc", self.increments), ("$max", self.maxima), ("$set", self.set)];
        let some = operators.into_iter().filter(|(_, fields)| !fields.is_empty());
        some.map(|(operator, fields)| (operator.to_owned(), fields.into())).collect()
    }
}

/// The projection that names all fields that [`read`] takes.
pub(crate) fn projection() -> Document {
    named(&Counters::default()).into_iter().map(|(field, _)| (field.to_owned(), Bson::Int32(1))).collect()
}

#[cfg(test)]
mod tests {
    use bson::doc;

    use super::*;

    #[test]
    fn an_update_names_what_changes_and_nothing_else() {
        let add = |change: &Counters| {
            let mut update = Update::default();
            update.add("", values_of(change));
            update.into_document()
        };
        assert_eq!(add(&Counters::default()), doc! {});
        let click = Counters { clicks: 2, chat_clicks: 1, ..Counters::default() };
        assert_eq!(add(&click), doc! {"$inc": {"clicks": 2_i64, "chatClicks": 1_i64}});
        let minute =
            Counters { earnings: Money::from_micros(1_660_000), peak_viewers: 9, ..Counters::default() };
        let earnings: bson::Decimal128 = "1.660000".parse().unwrap();
        assert_eq!(add(&minute), doc! {"$max": {PEAK: 9_i64}, "$inc": {EARNINGS: earnings}});
    }

    #[test]
    fn what_is_written_is_read_back() {
        let counters =
            Counters { visits: 3, earnings: Money::from_micros(1), viewer_sum: 7, ..Counters::default() };
        let mut fields = Fields::from(write(&counters));
        assert_eq!(read(&mut fields).unwrap().viewer_sum, 7);
    }
}
