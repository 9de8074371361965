//! An event got back from its gates: what they bring, and what an operator decides to go on without.

use kido_shared::ids::{EventId, GateId};
use kido_shared::wire::v1::operator::DecideRecovery;
use kido_shared::wire::v1::recovery::{RecoveryOffer, RecoveryWish};

use super::By;
use super::lines::About;
use crate::audit::{AuditLine, Deed, Door, Object};
use crate::error::AppError;
use crate::state::AppState;
use crate::store::RecoveryView;

impl AppState {
    /// Takes what a gate brings. That the event is back is written to the list: from then on it is served as ever.
    pub(crate) async fn take_back(
        &self,
        event: EventId,
        gate: GateId,
        offer: RecoveryOffer,
    ) -> Result<RecoveryWish, AppError> {
        let app = self.clone();
        // Records that are being entered are entered to their end, whoever still waits for the answer.
        let deed = async move {
            let before = app.store.is_recovering(event);
            let wish = app.store.take_back(event, gate, offer).await;
            if before && !app.store.is_recovering(event) {
                let (deed, object) = (Deed::EventRecovered, Object::Gate(gate));
                let (label, door, event) = (String::new(), Door::Itself, Some(event));
                let line = AuditLine { at: app.now(), role: None, label, door, deed, event, object, refused: None };
                app.audit.write(line).await?;
            }
            Ok(wish?)
        };
        self.deeds.spawn(deed).await.map_err(AppError::Lost)?
    }

    /// Goes on without gates, or without records.
    pub(crate) async fn recover_without(
        &self,
        by: &By,
        event: EventId,
        decided: DecideRecovery,
    ) -> Result<RecoveryView, AppError> {
        let DecideRecovery { without, lost_records } = decided;
        self.carry(by, move |app, by| async move {
            let count = Object::Count(u64::try_from(without.len()).unwrap_or(u64::MAX));
            let view = app.store.recover_without(event, without, lost_records).await.map_err(AppError::from);
            app.listed(&by, About::event(Deed::RecoveredWithout, event).of(count), view).await
        })
        .await
    }
}
