-- A ROLLBACK run takes back what runs made. Their calls stay in the journal, but count no more: the
-- next run that writes the record makes all of them anew.
alter table external_call drop constraint external_call_state;
alter table external_call add constraint external_call_state
    check (state in ('intended', 'applied', 'refused', 'void'));
