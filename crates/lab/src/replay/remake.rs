//! Makes a stored decision again, with the strategy that made it and with another one.

use gametriggers_domain::{
    decision::{Circumstances, Decision},
    selection::{ExplorationShare, Selection, SelectionStrategy, Share, find},
};
use gametriggers_persistence::StorageError;
use gametriggers_types::CampaignId;

use super::{
    archive::{Archive, Streamer},
    question::Target,
};

/// How far a recomputed probability may be from the recorded one.
const SAME_PROBABILITY: f64 = 0.01;

/// A decision that was made again.
pub(super) struct Remade {
    /// The draw of the other strategy, without exploration.
    pub(super) target: Selection,
    /// Whether the recorded strategy gives the recorded probabilities again.
    pub(super) is_reproduced: bool,
}

/// Makes `decision` again, as the successor of `previous`. `selection` is the decision's recorded draw. `None` if a
/// document is gone.
pub(super) async fn remake(
    archive: &mut Archive<'_>,
    target: &Target,
    decision: &Decision,
    selection: &Selection,
    previous: Option<&Decision>,
) -> Result<Option<Remade>, StorageError> {
    let mut eligible = Vec::with_capacity(selection.shares.len());
    for share in selection.shares.iter() {
        let pair = archive.pair(share.participation, share.campaign, decision.from).await?;
        let Some(pair) = pair else { return Ok(None) };
        eligible.push(pair);
    }
    let streamer = archive.streamer(decision.id.streamer, |user| target.applied_to(user)).await?;
    let Some((today, changed)): Option<&Streamer> = streamer else { return Ok(None) };
    let again = |user, strategy: &dyn SelectionStrategy, exploration| {
        let eligible = &eligible;
        // The number of viewers is not on the record.
        let circumstances =
            Circumstances { user, previous, eligible, viewers: None, exploration, now: decision.from };
        let decision = circumstances.decide_with(strategy, |_| selection.seed)?;
        decision.selection().cloned()
    };
    let Some(other) = again(changed, target.strategy(), ExplorationShare::default()) else {
        return Ok(None);
    };
    let recorded = find(&selection.strategy).ok();
    let same = recorded.and_then(|strategy| again(today, strategy, selection.exploration));
    let is_reproduced = same.is_some_and(|same| is_same_draw(&same, selection));
    Ok(Some(Remade { target: other, is_reproduced }))
}

/// The probability of a campaign; 0 if it is no candidate.
pub(super) fn probability(selection: &Selection, campaign: CampaignId) -> f64 {
    let share = selection.shares.iter().find(|share| share.campaign == campaign);
    share.map_or(0.0, |share| share.probability)
}

fn is_same_draw(one: &Selection, other: &Selection) -> bool {
    let is_same =
        |share: Share| (probability(one, share.campaign) - share.probability).abs() <= SAME_PROBABILITY;
    other.shares.iter().all(is_same)
}
