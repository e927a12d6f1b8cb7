//! `UploadService`: files sent to the service piece by piece.

use cartage_proto::v1::{self, upload_service_server::UploadService};
use tonic::{Request, Response, Status};

use super::{Api, convert, filter, own_name, page::Page};
use crate::{
    app::upload::{self, Upload, UploadState},
    begin,
    name::chosen_id,
    store::{
        event::NewEvent,
        resource::{Resource, State},
    },
};

/// The fields a list can be narrowed by.
const FILTER_FIELDS: [&str; 2] = ["state", "file_name"];

#[tonic::async_trait]
impl UploadService for Api {
    async fn create_upload(
        &self,
        request: Request<v1::CreateUploadRequest>,
    ) -> Result<Response<v1::Upload>, Status> {
        let (caller, request) = self.enter(request)?;
        let parent = own_name(&caller, &request.parent, "accounts", "parent")?;
        let rehearsal = request.validate_only;
        let mut change = begin!(self, &caller, "CreateUpload", &request);
        let id = chosen_id(&request.upload_id, "upload_id", "u")?;
        let name = parent.child("uploads", &id);
        let asked = request.upload.unwrap_or_default();
        let body = Upload {
            file_name: asked.file_name,
            size_bytes: asked.size_bytes,
            blake3: asked.blake3,
            ..Upload::default()
        };
        let (made, expired) = upload::create(&mut change.tx, &name, body).await?;
        change.event(
            name.stream(),
            NewEvent {
                event_type: "upload.created".to_owned(),
                resource: name.to_string(),
                state: Some(made.state.as_str().to_owned()),
                ..NewEvent::default()
            },
        );
        for old in &expired {
            change.event(name.stream(), upload::deleted_event(&old.name));
        }
        let response = encode(&made);
        change.finish(self, &response).await?;
        if !rehearsal {
            upload::remove_bytes(&self.app, &expired).await;
        }
        Ok(Response::new(response))
    }

    async fn get_upload(
        &self,
        request: Request<v1::GetUploadRequest>,
    ) -> Result<Response<v1::Upload>, Status> {
        let (caller, request) = self.enter(request)?;
        let name = own_name(&caller, &request.name, "uploads", "name")?;
        let mut tx = self.app.store.begin(&caller.account).await?;
        Ok(Response::new(encode(&tx.resource_get::<Upload>(&name).await?)))
    }

    async fn list_uploads(
        &self,
        request: Request<v1::ListUploadsRequest>,
    ) -> Result<Response<v1::ListUploadsResponse>, Status> {
        let (caller, request) = self.enter(request)?;
        let parent = own_name(&caller, &request.parent, "accounts", "parent")?;
        let wanted = filter::parse(&request.filter, &FILTER_FIELDS)?;
        let (size, token) = (request.page_size, request.page_token.as_str());
        let page = Page::new(&caller.account, "ListUploads", &request.filter, size, token, 1_000)?;
        let fits = |it: &Resource<Upload>| {
            wanted.get("state").is_none_or(|text| text == it.state.as_str())
                && wanted.get("file_name").is_none_or(|text| *text == it.body.file_name)
        };
        let (uploads, next_page_token) =
            self.page_where(&parent, &page, false, fits, encode).await?;
        Ok(Response::new(v1::ListUploadsResponse { uploads, next_page_token }))
    }

    async fn write_upload_chunk(
        &self,
        request: Request<v1::WriteUploadChunkRequest>,
    ) -> Result<Response<v1::WriteUploadChunkResponse>, Status> {
        let (caller, request) = self.enter(request)?;
        let name = own_name(&caller, &request.name, "uploads", "name")?;
        let (offset, data, crc32c) = (request.offset, request.data, request.crc32c);
        let data = Vec::from(data);
        let committed_size = upload::write_chunk(&self.app, &name, offset, data, crc32c).await?;
        Ok(Response::new(v1::WriteUploadChunkResponse { committed_size }))
    }

    async fn finalize_upload(
        &self,
        request: Request<v1::FinalizeUploadRequest>,
    ) -> Result<Response<v1::Upload>, Status> {
        let (caller, request) = self.enter(request)?;
        let name = own_name(&caller, &request.name, "uploads", "name")?;
        // Before the change begins: looking into a big archive takes longer than a transaction may.
        let inspected = upload::inspect(&self.app, &name).await?;
        let mut change = begin!(self, &caller, "FinalizeUpload", &request);
        let (made, moved) = upload::finalize(&mut change.tx, &name, inspected).await?;
        if moved {
            change.event(name.stream(), upload::state_event(&made, UploadState::Receiving));
        }
        let response = encode(&made);
        change.finish(self, &response).await?;
        Ok(Response::new(response))
    }

    async fn delete_upload(
        &self,
        request: Request<v1::DeleteUploadRequest>,
    ) -> Result<Response<()>, Status> {
        let (caller, request) = self.enter(request)?;
        let name = own_name(&caller, &request.name, "uploads", "name")?;
        let rehearsal = request.validate_only;
        let mut change = begin!(self, &caller, "DeleteUpload", &request);
        let gone = upload::delete(&mut change.tx, &name, &request.etag).await?;
        change.event(name.stream(), upload::deleted_event(&name));
        change.finish(self, &()).await?;
        if !rehearsal {
            upload::remove_bytes(&self.app, &[gone]).await;
        }
        Ok(Response::new(()))
    }
}

fn encode(upload: &Resource<Upload>) -> v1::Upload {
    let body = &upload.body;
    let files = body.files.iter();
    v1::Upload {
        name: upload.name.to_string(),
        uid: upload.uid.to_string(),
        file_name: body.file_name.clone(),
        size_bytes: body.size_bytes,
        blake3: body.blake3.clone(),
        committed_size: body.committed_size,
        state: match upload.state {
            UploadState::Receiving => v1::upload::State::Receiving,
            UploadState::Ready => v1::upload::State::Ready,
            UploadState::Failed => v1::upload::State::Failed,
        }
        .into(),
        files: files
            .map(|file| v1::UploadedFile { path: file.path.clone(), size_bytes: file.size_bytes })
            .collect(),
        failure: body.failure.as_ref().map(convert::failure),
        expire_time: body.expire_time.map(convert::timestamp),
        etag: upload.etag(),
        create_time: Some(convert::timestamp(upload.create_time)),
        update_time: Some(convert::timestamp(upload.update_time)),
    }
}
