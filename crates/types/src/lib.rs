//! The vocabulary that every other crate of GameTriggers shares.
//!
//! Owns typed ids, [`Money`], time slots, the enums and the settings of the stored documents, with their JSON form.
//! Knows no driver, no HTTP and no async runtime. Rules that need more than one value live in `gametriggers-domain`.
//!
//! To extend the crate, add a type whose constructor refuses invalid values. The rest of the system relies on every
//! value being valid.

mod address;
mod enums;
mod id;
mod media;
mod money;
mod overlay;
mod page;
mod period;
mod selection;
mod time;
mod token;

pub use address::{AddressKey, InvalidNetworkAddress, NetworkAddress};
pub use enums::{
    AuthProvider, CampaignStatus, ClickKind, MediaType, ParticipationStatus, PaymentType, RejectionReason,
    Role, UnknownValue, UnpaidReason, VisitSource,
};
pub use id::{CampaignId, DecisionId, InvalidId, ObjectId, ParticipationId, SessionId, UserId};
pub use jiff::{SignedDuration, Timestamp, civil::Weekday};
pub use media::{InvalidWebUrl, WebUrl};
pub use money::{InvalidMoney, Money};
pub use overlay::{
    BackgroundColor, InvalidOverlaySetting, Opacity, OverlayPosition, OverlaySettings, OverlaySize,
};
pub use page::{InvalidPageLimit, Listing, PageLimit, PageRequest, PageStart};
pub use period::{InvalidPeriod, TimeOfDay, WeeklyPeriod, parse_weekday, weekday_name};
pub use selection::{
    Daypart, DaypartWeight, InvalidSelectionSetting, LocalTime, ParameterValue, PriorityWeights,
    RotationInterval, SelectionSettings, SlotsBetween, SlotsInARow, Spacing, StrategyName,
    StrategyParameters, TimeZoneName, Weight,
};
pub use time::{Minute, Quarter, Slot};
pub use token::ScreenToken;
