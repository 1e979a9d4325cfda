//! The use cases of GameTriggers, over its rules and its store.
//!
//! Owns what the server does with a request once HTTP is out of the way: what a screen shows ([`OverlayService`]), whom
//! an event is credited to ([`TrackingService`]), where tracking links lead ([`LinkService`]), a streamer's settings ([`StreamerService`]), what a streamer has
//! joined ([`CampaignService`]), and the import of a previous database ([`import`]). Every entry reaches the ledger
//! through [`Recorder::record`]. Knows no HTTP framework and no driver; the time comes from a [`Clock`].
//!
//! A use case is added as a method of the service whose documents it changes.

mod bots;
mod campaigns;
mod clock;
mod clocks;
mod content;
mod entropy;
mod error;
mod follower;
mod group_commit;
mod heartbeats;
pub mod import;
mod link;
mod links;
mod overlay;
mod receipt;
mod recorder;
mod screen;
mod secrets;
pub mod shortening;
mod snapshots;
mod streamers;
pub mod tasks;
mod tracking;
mod visits;

use std::sync::Arc;

use gametriggers_persistence::Repositories;

use crate::{follower::Follower, link::Links, snapshots::Snapshots, tasks::Tasks};

pub use campaigns::CampaignService;
pub use clock::Clock;
pub use content::Rendering;
pub use entropy::{NoEntropy, new_object_id, new_token};
pub use error::ServiceError;
pub use gametriggers_persistence::{
    OverlayPatch, Page, Repositories as Storage, SelectionPatch, StorageError,
};
pub use group_commit::{BATCH_MAX, QUEUE_MAX};
pub use link::VisitTarget;
pub use links::{LinkService, LinkSettings, Visitor};
pub use overlay::OverlayService;
pub use receipt::RECEIPT_GRACE;
pub use recorder::Recorder;
pub use screen::{OnScreen, Screen, ShownCampaign};
pub use secrets::Secrets;
pub use snapshots::Streamer;
pub use streamers::{OVERLAY_ACTIVE_WITHIN, OverlayStatus, StreamerService, TEST_AD_LASTS, TestAd};
pub use tracking::{Event, EventOutcome, EventReport, TrackingService};
pub use visits::{PendingVisits, VISITS_MAX};

/// Every service, wired to one store and one clock.
#[derive(Clone)]
#[allow(missing_docs)]
pub struct Services {
    pub overlay: OverlayService,
    pub tracking: TrackingService,
    pub links: LinkService,
    pub streamers: StreamerService,
    pub campaigns: CampaignService,
    recorder: Recorder,
    storage: Repositories,
    snapshots: Arc<Snapshots>,
    tasks: Tasks,
}

impl Services {
    /// Wires the services. To be called within a Tokio runtime.
    #[must_use]
    pub fn new(storage: Repositories, clock: Arc<dyn Clock>, secrets: Secrets, links: &LinkSettings) -> Self {
        let secrets = Arc::new(secrets);
        let snapshots = Arc::new(Snapshots::new());
        let overlay = OverlayService::new(storage.clone(), clock.clone(), secrets.clone(), snapshots.clone());
        let tasks = Tasks::default();
        let recorder = Recorder::new(storage.ledger.clone(), &tasks);
        Self {
            tracking: TrackingService::new(
                storage.clone(),
                clock.clone(),
                secrets.clone(),
                recorder.clone(),
                overlay.clone(),
                &tasks,
            ),
            links: LinkService::new(
                storage.clone(),
                clock.clone(),
                secrets,
                recorder.clone(),
                overlay.clone(),
                Links::new(storage.clone(), snapshots.clone()),
                links,
                &tasks,
            ),
            streamers: StreamerService::new(storage.clone(), clock, snapshots.clone()),
            campaigns: CampaignService::new(storage.clone()),
            overlay,
            recorder,
            storage,
            snapshots,
            tasks,
        }
    }

    /// Keeps screens in memory from now on, within a second true to a store that answers, and no more than two behind one
    /// that does not (`docs/adr/0009-live-reads.md`). Ends with the last clone of these services. Without it, the
    /// store is read each time. To be called within a Tokio runtime.
    pub fn spawn_live_reads(&self) {
        self.tasks.start_until_stopped(Follower::new(&self.snapshots, self.storage.changes.clone()));
    }

    /// These services for the requests of one thread, and what is to be run on it as long as there are any: see
    /// [`Recorder::for_thread`].
    pub fn for_thread(&self) -> (Self, impl Future<Output = ()> + use<>) {
        let (recorder, handing_out) = self.recorder.for_thread();
        let services = Self { tracking: self.tracking.with(recorder.clone()), recorder, ..self.clone() };
        (services, handing_out)
    }

    /// The visits that were taken and are not recorded yet. To be [awaited](PendingVisits::settled) before the process ends.
    #[must_use]
    pub fn pending_visits(&self) -> PendingVisits {
        self.links.pending_visits()
    }

    /// The background tasks of these services. They are to be [shut down](Tasks::shut_down) before the process ends.
    #[must_use]
    pub fn tasks(&self) -> Tasks {
        self.tasks.clone()
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// [`StorageError`] while it does not.
    pub async fn ping(&self) -> Result<(), StorageError> {
        self.storage.probe.ping().await
    }
}
