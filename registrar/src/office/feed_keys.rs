//! Feed keys: put in force.

use kido_shared::feed::FeedKeyCertificate;
use kido_shared::ids::EventId;

use super::By;
use super::lines::About;
use crate::audit::Deed;
use crate::error::AppError;
use crate::state::AppState;
use crate::store::FeedKeyView;

impl AppState {
    /// Puts the next feed key in force by the root key's word for it.
    pub(crate) async fn change_feed_key(
        &self,
        by: &By,
        event: EventId,
        certificate: FeedKeyCertificate,
    ) -> Result<FeedKeyView, AppError> {
        self.carry(by, move |app, by| async move {
            let changed = app.store.change_feed_key(event, certificate).await.map_err(AppError::from);
            app.listed(&by, About::event(Deed::FeedKeyChanged, event), changed).await
        })
        .await
    }
}
