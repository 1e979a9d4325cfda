//! Laws of the ledger: what entries count, and what is stored of them.

use gametriggers_domain::{
    decision::Basis,
    ledger::{Counters, Entry, EntryId, EntryKind, Verdict},
    model::{Campaign, Participation},
    price::Accrual,
};
use gametriggers_fixtures::{campaign, cpc, entry, fixed, minute, participation, units, user_id};
use gametriggers_persistence::{Entity, Outcome, StorageError};
use gametriggers_types::{
    CampaignStatus, ClickKind, DecisionId, Minute, ParticipationStatus, RejectionReason, UnpaidReason,
    VisitSource,
};

use crate::{
    Fixture,
    stage::{Stage, paid, stage_of_one, unpaid},
    support::{at_once, count, next_random, stored_campaign, stored_participation},
    traffic,
};

crate::laws! { $ ledger:
    an_empty_batch_has_no_outcomes,
    a_display_counts_one_impression,
    m1_an_audience_is_counted_paid_and_spent_by_the_same_units,
    m15_peak_and_mean_come_from_the_samples,
    a_click_counts_as_its_kind_and_pays_nothing,
    a_visit_counts_as_its_source_and_as_a_click,
    an_entry_changes_only_those_whom_it_names,
    an_entry_changes_nothing_but_counters_and_money,
    m10_entries_count_whatever_the_status,
    m30_an_entry_is_read_as_submitted_with_its_verdict,
    an_entry_that_is_not_there_is_not_found,
    a_refused_entry_is_stored_and_counts_nothing,
    an_impression_is_refused_where_the_other_basis_pays,
    mixed_traffic_is_judged_as_the_rules_say,
    the_outcomes_are_in_the_order_of_the_batch_however_large,
    a_batch_that_names_what_is_not_there_is_not_stored_at_all,
    no_update_is_lost_among_many_writers,
}

/// The reasons for which a caller may refuse an entry before the ledger judges it.
fn refusals() -> impl Iterator<Item = RejectionReason> {
    RejectionReason::ALL.iter().copied().filter(|reason| !reason.is_of_ledger())
}

/// An empty batch is recorded without an error and has no outcomes.
async fn an_empty_batch_has_no_outcomes(fixture: &impl Fixture) {
    let (mut stage, _) = stage_of_one(fixture).await;
    assert_eq!(stage.record(&[]).await, []);
    stage.assert_stored().await;
}

/// A display counts one impression, and its price is taken from the budget and credited.
async fn a_display_counts_one_impression(fixture: &impl Fixture) {
    let (mut stage, part) = stage_of_one(fixture).await;
    let outcomes = stage.record(&[entry("display", &part, EntryKind::Display)]).await;
    assert_eq!(outcomes, [paid(units(1.66))]);
    let expected = Counters { impressions: 1, paid_units: 1, earnings: units(1.66), ..Counters::default() };
    assert_eq!(stored_participation(fixture, part.id).await.counters, expected);
    assert_eq!(stored_campaign(fixture, part.campaign_id).await.remaining_budget, units(998.34));
    stage.assert_stored().await;
}

/// The number of viewers is counted as impressions and as paid units, and the budget pays for the same number.
async fn m1_an_audience_is_counted_paid_and_spent_by_the_same_units(fixture: &impl Fixture) {
    let (mut stage, part) = stage_of_one(fixture).await;
    stage.record(&[Entry { units: 500, ..entry("viewers", &part, EntryKind::Viewers) }]).await;
    let expected = Counters {
        impressions: 500,
        paid_units: 500,
        earnings: units(830.0),
        peak_viewers: 500,
        viewer_sum: 500,
        viewer_samples: 1,
        ..Counters::default()
    };
    assert_eq!(stored_participation(fixture, part.id).await.counters, expected);
    assert_eq!(stored_campaign(fixture, part.campaign_id).await.remaining_budget, units(170.0));
    stage.assert_stored().await;
}

/// The peak is the greatest sample and the mean is that of all samples, however the samples are spread over batches.
async fn m15_peak_and_mean_come_from_the_samples(fixture: &impl Fixture) {
    let (mut stage, part) = stage_of_one(fixture).await;
    let samples: [&[u64]; 3] = [&[40, 100], &[10], &[5, 99, 1]];
    for batch in samples {
        let batch: Vec<_> = batch
            .iter()
            .map(|&viewers| Entry {
                units: viewers,
                ..entry(&format!("viewers:{viewers}"), &part, EntryKind::Viewers)
            })
            .collect();
        stage.record(&batch).await;
    }
    let stored = stored_participation(fixture, part.id).await;
    let counters = stored.counters;
    assert_eq!((counters.peak_viewers, counters.viewer_sum, counters.viewer_samples), (100, 255, 6));
    assert!((stored.average_viewers() - 42.5).abs() < 1e-12);
    stage.assert_stored().await;
}

/// A click counts as a click and, unless it is on the overlay, as one of its kind, and it is never paid.
async fn a_click_counts_as_its_kind_and_pays_nothing(fixture: &impl Fixture) {
    let expected = [
        (ClickKind::Overlay, Counters { clicks: 1, ..Counters::default() }),
        (ClickKind::Chat, Counters { clicks: 1, chat_clicks: 1, ..Counters::default() }),
        (ClickKind::Qr, Counters { clicks: 1, qr_scans: 1, ..Counters::default() }),
        (ClickKind::Link, Counters { clicks: 1, link_clicks: 1, ..Counters::default() }),
    ];
    let parts: Vec<_> = (1..=4).map(|number| participation(number, 1, number)).collect();
    let cpc = Campaign { payment: cpc(2.5), ..campaign(1) };
    let mut stage = Stage::set(fixture, &[cpc], &parts).await;
    for (part, (kind, expected)) in parts.iter().zip(expected) {
        let outcomes = stage.record(&[entry(kind.as_str(), part, EntryKind::Click(kind))]).await;
        assert_eq!(outcomes, [unpaid(1)]);
        assert_eq!(stored_participation(fixture, part.id).await.counters, expected);
    }
    assert_eq!(stored_campaign(fixture, campaign(1).id).await.remaining_budget, units(1_000.0));
    stage.assert_stored().await;
}

/// A visit counts as a visit, as a click and as one of its source, and it is paid if the campaign pays for visits.
async fn a_visit_counts_as_its_source_and_as_a_click(fixture: &impl Fixture) {
    let visit = Counters { visits: 1, clicks: 1, paid_units: 1, earnings: units(2.5), ..Counters::default() };
    let expected = [
        (VisitSource::Qr, Counters { qr_scans: 1, ..visit }),
        (VisitSource::Chat, Counters { chat_clicks: 1, ..visit }),
        (VisitSource::Link, Counters { link_clicks: 1, ..visit }),
    ];
    let parts: Vec<_> = (1..=4).map(|number| participation(number, 1, number)).collect();
    let cpc = Campaign { payment: cpc(2.5), ..campaign(1) };
    let mut stage = Stage::set(fixture, &[cpc], &parts).await;
    for (part, (source, expected)) in parts.iter().zip(expected) {
        let outcomes = stage.record(&[entry(source.as_str(), part, EntryKind::Visit(source))]).await;
        assert_eq!(outcomes, [paid(units(2.5))]);
        assert_eq!(stored_participation(fixture, part.id).await.counters, expected);
    }
    let unpaid_kind = stage.record(&[entry("display", &parts[3], EntryKind::Display)]).await;
    assert_eq!(unpaid_kind, [unpaid(1)]);
    assert_eq!(stored_campaign(fixture, campaign(1).id).await.remaining_budget, units(992.5));
    stage.assert_stored().await;
}

/// One batch credits several participations and several campaigns, each only with its own entries.
async fn an_entry_changes_only_those_whom_it_names(fixture: &impl Fixture) {
    let parts =
        [participation(1, 1, 1), participation(2, 1, 2), participation(3, 2, 1), participation(4, 2, 2)];
    let mut stage = Stage::set(fixture, &[campaign(1), campaign(2), campaign(3)], &parts).await;
    stage
        .record(&[
            entry("a", &parts[0], EntryKind::Display),
            entry("b", &parts[2], EntryKind::Click(ClickKind::Chat)),
            entry("c", &parts[0], EntryKind::Click(ClickKind::Overlay)),
            Entry { units: 7, ..entry("d", &parts[1], EntryKind::Viewers) },
        ])
        .await;
    let impressions = [1, 7, 0, 0];
    let clicks = [1, 0, 1, 0];
    for (place, part) in parts.iter().enumerate() {
        let counters = stored_participation(fixture, part.id).await.counters;
        assert_eq!((counters.impressions, counters.clicks), (impressions[place], clicks[place]));
    }
    stage.assert_stored().await;
}

/// An entry changes the counters of the participation and the remaining budget of the campaign, and no status, link or date.
async fn an_entry_changes_nothing_but_counters_and_money(fixture: &impl Fixture) {
    let (mut stage, part) = stage_of_one(fixture).await;
    stage.record(&[entry("display", &part, EntryKind::Display)]).await;
    let stored = stored_participation(fixture, part.id).await;
    assert_eq!(Participation { counters: Counters::default(), ..stored }, part);
    let stored = stored_campaign(fixture, part.campaign_id).await;
    assert_eq!(Campaign { remaining_budget: units(1_000.0), ..stored }, campaign(1));
    stage.assert_stored().await;
}

/// The ledger counts an entry whatever the status of the participation or campaign, because the caller judges the status by the
/// time of the event.
async fn m10_entries_count_whatever_the_status(fixture: &impl Fixture) {
    let mut parts = Vec::new();
    for (number, &status) in (1..).zip(ParticipationStatus::ALL) {
        parts.push(Participation { status, ..participation(number, 1, number) });
    }
    let ended = Campaign { status: CampaignStatus::Completed, ..campaign(1) };
    let mut stage = Stage::set(fixture, &[ended], &parts).await;
    for part in &parts {
        let id = part.status.as_str();
        assert_eq!(stage.record(&[entry(id, part, EntryKind::Display)]).await, [paid(units(1.66))]);
    }
    stage.assert_stored().await;
}

/// Every field of an entry is read by its id as submitted, together with the verdict.
async fn m30_an_entry_is_read_as_submitted_with_its_verdict(fixture: &impl Fixture) {
    let parts = [participation(1, 1, 1), participation(2, 1, 2)];
    let rich = Campaign { remaining_budget: units(9e8), ..campaign(1) };
    let mut stage = Stage::set(fixture, &[rich], &parts).await;
    let decision = DecisionId { streamer: user_id(1), ordinal: 17 };
    let mut batch = vec![
        Entry { id: EntryId::display(decision), ..entry("", &parts[0], EntryKind::Display) },
        Entry {
            id: EntryId::viewers(user_id(2), Minute::containing(minute(9))),
            units: 4_294_967_297,
            at: minute(9),
            ..entry("", &parts[1], EntryKind::Viewers)
        },
        Entry { units: 2, ..entry("refused later", &parts[0], EntryKind::Visit(VisitSource::Chat)) },
    ];
    for &kind in ClickKind::ALL {
        let id = EntryId::click(user_id(1), kind, "Ünïcode event 'id' “42” \u{202e}");
        batch.push(Entry { id, ..entry("", &parts[0], EntryKind::Click(kind)) });
    }
    for reason in refusals() {
        let id = EntryId::visit(parts[1].campaign_id, VisitSource::Qr, 490_000, reason.as_str());
        let visit = entry("", &parts[1], EntryKind::Visit(VisitSource::Qr));
        batch.push(Entry { id, rejected: Some(reason), ..visit });
    }
    stage.record(&batch).await;

    let ledger = fixture.reopen().await.ledger;
    for submitted in &batch {
        let stored = ledger.find_entry(&submitted.id).await.unwrap().unwrap();
        assert_eq!(&stored.entry, submitted);
    }
    let accrual = Accrual::priced(1, 0, units(1.66));
    let display = ledger.find_entry(&EntryId::display(decision)).await.unwrap().unwrap();
    assert_eq!(display.verdict, Verdict::Counted(accrual));
    stage.assert_stored().await;
}

/// A look-up by an id without an entry finds nothing and is no error.
async fn an_entry_that_is_not_there_is_not_found(fixture: &impl Fixture) {
    let (mut stage, part) = stage_of_one(fixture).await;
    stage.record(&[entry("there", &part, EntryKind::Display)]).await;
    let ledger = fixture.reopen().await.ledger;
    for absent in ["", "ther", "there ", "THERE", "t_ere", "%"] {
        assert_eq!(ledger.find_entry(&EntryId::stored(absent.to_owned())).await.unwrap(), None, "{absent:?}");
    }
    assert_eq!(ledger.list_rollups(participation(2, 1, 2).id).await.unwrap(), []);
}

/// An entry that its caller refused is stored with the reason, counts nothing and makes no rollup.
async fn a_refused_entry_is_stored_and_counts_nothing(fixture: &impl Fixture) {
    let (mut stage, part) = stage_of_one(fixture).await;
    for reason in refusals() {
        let refused = Entry { rejected: Some(reason), ..entry(reason.as_str(), &part, EntryKind::Display) };
        assert_eq!(stage.record(std::slice::from_ref(&refused)).await, [Outcome::Rejected(reason)]);
        let stored = fixture.reopen().await.ledger.find_entry(&refused.id).await.unwrap().unwrap();
        assert_eq!((&stored.entry, stored.verdict), (&refused, Verdict::Rejected(reason)));
    }
    assert_eq!(stored_participation(fixture, part.id).await, part);
    assert_eq!(stored_campaign(fixture, part.campaign_id).await, campaign(1));
    assert_eq!(fixture.reopen().await.ledger.list_rollups(part.id).await.unwrap(), []);
    stage.assert_stored().await;
}

/// A display is refused if the decision pays by viewers, and viewers are refused if it pays by displays; the refused entry is
/// stored with the reason and counts nothing.
async fn an_impression_is_refused_where_the_other_basis_pays(fixture: &impl Fixture) {
    let (mut stage, part) = stage_of_one(fixture).await;
    for (kind, basis) in [(EntryKind::Display, Basis::Viewers), (EntryKind::Viewers, Basis::Display)] {
        let refused = Entry { basis: Some(basis), ..entry(&kind.to_string(), &part, kind) };
        let verdict = Verdict::Rejected(RejectionReason::OtherBasis);
        let outcomes = stage.record(std::slice::from_ref(&refused)).await;
        assert_eq!(outcomes, [Outcome::Rejected(RejectionReason::OtherBasis)]);
        let stored = fixture.reopen().await.ledger.find_entry(&refused.id).await.unwrap().unwrap();
        assert_eq!((&stored.entry, stored.verdict), (&refused, verdict));
        let again = Entry { basis: kind.basis(), ..refused };
        assert_eq!(
            stage.record(&[again]).await,
            [Outcome::Duplicate { participation: part.id, verdict }],
            "it stays what it was"
        );
        let click = entry(&format!("click:{kind}"), &part, EntryKind::Click(ClickKind::Overlay));
        let click = Entry { basis: Some(basis), ..click };
        assert_eq!(stage.record(&[click]).await, [unpaid(1)], "a click is of any basis");
    }
    let expected = Counters { clicks: 2, ..Counters::default() };
    assert_eq!(stored_participation(fixture, part.id).await.counters, expected);
    assert_eq!(stored_campaign(fixture, part.campaign_id).await, campaign(1));
    stage.assert_stored().await;
}

/// A long series of batches of every kind, through two clients, gets for each entry the verdict that the domain gives.
async fn mixed_traffic_is_judged_as_the_rules_say(fixture: &impl Fixture) {
    let mut stage = Stage::set(fixture, &traffic::campaigns(), &traffic::participations()).await;
    let entries = traffic::entries(1, 600);
    let mut outcomes = Vec::new();
    let (mut rest, mut random) = (entries.as_slice(), 7);
    while !rest.is_empty() {
        let size = 1 + usize::try_from(next_random(&mut random) % 40).unwrap();
        let (batch, after) = rest.split_at(size.min(rest.len()));
        outcomes.extend(stage.record(batch).await);
        rest = after;
    }
    let has = |wanted: fn(&Outcome) -> bool| assert_ne!(count(&outcomes, wanted), 0, "every outcome occurs");
    has(|outcome| matches!(outcome, Outcome::Counted(Accrual { paid: 1.., unpaid: 0, .. })));
    has(|outcome| matches!(outcome, Outcome::Counted(Accrual { paid: 1.., unpaid: 1.., .. })));
    has(|outcome| matches!(outcome, Outcome::Counted(Accrual { paid: 0, .. })));
    has(|outcome| matches!(outcome, Outcome::Rejected(RejectionReason::BudgetExhausted)));
    has(|outcome| matches!(outcome, Outcome::Rejected(RejectionReason::Blackout)));
    has(|outcome| matches!(outcome, Outcome::Rejected(RejectionReason::OtherBasis)));
    has(|outcome| matches!(outcome, Outcome::Counted(Accrual { reason: Some(UnpaidReason::Bot), .. })));
    has(|outcome| {
        matches!(outcome, Outcome::Counted(Accrual { reason: Some(UnpaidReason::AddressLimit), .. }))
    });
    has(|outcome| matches!(outcome, Outcome::Duplicate { .. }));
    stage.assert_stored().await;
}

/// A batch may hold thousands of entries, and its outcomes are in the order of its entries.
async fn the_outcomes_are_in_the_order_of_the_batch_however_large(fixture: &impl Fixture) {
    let parts: Vec<_> = (1..=3).map(|number| participation(number, 1, number)).collect();
    let mut stage = Stage::set(fixture, &[campaign(1)], &parts).await;
    let batch: Vec<_> = (0..3_000)
        .map(|number: usize| Entry {
            units: 1 + number as u64,
            ..entry(&format!("click:{number}"), &parts[number % 3], EntryKind::Click(ClickKind::Link))
        })
        .collect();
    let expected: Vec<_> = (1..=3_000).map(unpaid).collect();
    assert_eq!(stage.record(&batch).await, expected);
    for part in &parts {
        assert_eq!(stored_participation(fixture, part.id).await.counters, stage.counters(part.id));
    }
}

/// If one entry of a batch names a participation or campaign that does not exist, the error names it and nothing of the batch is
/// stored, whatever the position of the entry and even if it would count nothing.
async fn a_batch_that_names_what_is_not_there_is_not_stored_at_all(fixture: &impl Fixture) {
    let (stage, part) = stage_of_one(fixture).await;
    let (display, click) = (EntryKind::Display, EntryKind::Click(ClickKind::Overlay));
    let good = [entry("good-1", &part, display), entry("good-2", &part, click)];
    let stranger = participation(2, 1, 2);
    let no_participation = (Entity::Participation, stranger.id.to_string());
    let no_campaign = (Entity::Campaign, campaign(2).id.to_string());
    let rejected = Some(RejectionReason::Blackout);
    let bad_entries = [
        (entry("bad", &stranger, display), &no_participation),
        (entry("bad", &stranger, click), &no_participation),
        (Entry { rejected, ..entry("bad", &stranger, display) }, &no_participation),
        (Entry { campaign: campaign(2).id, ..entry("bad", &part, display) }, &no_campaign),
        (Entry { campaign: campaign(2).id, ..entry("bad", &part, click) }, &no_campaign),
    ];
    for (bad, (entity, id)) in bad_entries {
        for place in 0..=good.len() {
            let mut batch = good.to_vec();
            batch.insert(place, bad.clone());
            let error = fixture.repositories().ledger.record(batch.as_slice().into()).await.unwrap_err();
            let StorageError::Missing { entity: found, id: found_id } = &error else { panic!("{error:?}") };
            assert_eq!((found, found_id), (entity, id));
            assert!(!error.is_retryable() && !error.outcome_unknown());
            let ledger = fixture.reopen().await.ledger;
            for entry in &batch {
                assert_eq!(ledger.find_entry(&entry.id).await.unwrap(), None);
            }
        }
    }
    assert_eq!(fixture.reopen().await.participations.find_by_id(stranger.id).await.unwrap(), None);
    stage.assert_stored().await;
}

/// If many tasks of two instances record clicks and displays at once, repeatedly, in batches and alone, the counters are the
/// exact sums.
async fn no_update_is_lost_among_many_writers(fixture: &impl Fixture) {
    const WRITERS: usize = 64;
    const ROUNDS: usize = 3;
    let part = participation(1, 1, 1);
    let payment = fixed(0.001_234, 1_000);
    let mut stage =
        Stage::set(fixture, &[Campaign { payment, ..campaign(1) }], std::slice::from_ref(&part)).await;
    let recorded = at_once(fixture, WRITERS, |writer, client| {
        let part = part.clone();
        async move {
            let mut recorded = Vec::new();
            for round in 0..ROUNDS {
                let display = entry(&format!("display:{writer}:{round}"), &part, EntryKind::Display);
                let click = EntryKind::Click(ClickKind::ALL[(writer + round) % ClickKind::ALL.len()]);
                let both = [display, entry(&format!("click:{writer}:{round}"), &part, click)];
                for batch in both.chunks(1 + writer % 2) {
                    let outcomes = client.ledger.record(batch.into()).await.unwrap();
                    recorded.extend(batch.iter().cloned().zip(outcomes));
                }
            }
            recorded
        }
    })
    .await
    .concat();
    stage.note(&recorded);
    let all = (WRITERS * ROUNDS) as u64;
    let counters = stored_participation(fixture, part.id).await.counters;
    assert_eq!((counters.impressions, counters.clicks, counters.paid_units), (all, all, all));
    assert_eq!(counters.earnings, payment.cost(0, all));
    stage.assert_stored().await;
}
