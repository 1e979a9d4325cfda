//! The use cases of GameTriggers, over its rules and its store.
//!
//! Owns what the server does with a request after HTTP has read it: what a screen shows ([`OverlayService`]), whom an event
//! is credited to ([`TrackingService`]), where tracking links lead ([`LinkService`]), a streamer's settings
//! ([`StreamerService`]), what a streamer has joined ([`CampaignService`]), and the import of a previous database
//! ([`import`]). Every entry reaches the ledger through [`Recorder::record`]. This crate knows no HTTP and no driver, and gets
//! the time from a [`Clock`].
//!
//! A use case is added as a method of the service whose documents it changes.

mod bots;
mod campaigns;
mod clock;
mod entropy;
mod error;
mod group_commit;
mod heartbeats;
pub mod import;
mod link;
mod link_reader;
mod links;
mod memory;
mod recorder;
mod screens;
mod secrets;
pub mod shortening;
mod streamers;
pub mod tasks;
mod tracking;
mod visits;

use std::sync::Arc;

use gametriggers_persistence::Repositories;

use crate::{
    link_reader::Links,
    memory::{Follower, Memory},
    tasks::Tasks,
    visits::Visits,
};

pub use campaigns::CampaignService;
pub use clock::Clock;
pub use entropy::{NoEntropy, new_object_id, new_token};
pub use error::ServiceError;
pub use gametriggers_persistence::{Entity, OverlayPatch, SelectionPatch, StorageError};
pub use group_commit::{BATCH_MAX, QUEUE_MAX};
pub use link::VisitTarget;
pub use links::{LinkService, LinkSettings, Visitor};
pub use memory::Rendering;
pub use recorder::Recorder;
pub use screens::{OnScreen, OverlayService, Screen, ScreenOwner, ShownCampaign, receipt::RECEIPT_GRACE};
pub use secrets::Secrets;
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
    memory: Arc<Memory>,
    tasks: Tasks,
}

impl Services {
    /// Wires the services. To be called within a Tokio runtime.
    #[must_use]
    pub fn new(storage: Repositories, clock: Arc<dyn Clock>, secrets: Secrets, links: &LinkSettings) -> Self {
        let secrets = Arc::new(secrets);
        let memory = Arc::new(Memory::new());
        let overlay = OverlayService::new(storage.clone(), clock.clone(), secrets.clone(), memory.clone());
        let tasks = Tasks::default();
        let recorder = Recorder::new(storage.ledger.clone(), &tasks);
        let stored_links = Links::new(storage.clone(), memory.clone());
        let visits = Visits::new(stored_links.clone(), recorder.clone(), &tasks);
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
                overlay.clone(),
                stored_links,
                visits,
                links,
            ),
            streamers: StreamerService::new(storage.clone(), clock, memory.clone()),
            campaigns: CampaignService::new(storage.clone()),
            overlay,
            recorder,
            storage,
            memory,
            tasks,
        }
    }

    /// Answers from memory from now on. The memory is at most a second behind a store that answers, and at most two seconds
    /// behind one that does not (`docs/adr/0009-live-reads.md`). Ends with the last clone of these services. Without this,
    /// the store is read for each request. To be called within a Tokio runtime.
    pub fn spawn_live_reads(&self) {
        self.tasks.start_until_stopped(Follower::new(&self.memory, self.storage.changes.clone()));
    }

    /// These services for the requests of one thread, and a future that is to be run on that thread as long as there are
    /// requests: see [`Recorder::for_thread`].
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
