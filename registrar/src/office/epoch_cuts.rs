//! A feed begun anew.

use kido_shared::feed::SignedEpochCut;
use kido_shared::ids::EventId;

use super::By;
use super::lines::About;
use crate::audit::Deed;
use crate::error::AppError;
use crate::state::AppState;
use crate::store::CutView;

impl AppState {
    /// Begins an event's feed anew by the root key's word.
    pub(crate) async fn cut_feed(&self, by: &By, event: EventId, cut: SignedEpochCut) -> Result<CutView, AppError> {
        self.carry(by, move |app, by| async move {
            let cut = app.store.cut_epoch(event, cut).await.map_err(AppError::from);
            app.listed(&by, About::event(Deed::FeedCut, event), cut).await
        })
        .await
    }
}
