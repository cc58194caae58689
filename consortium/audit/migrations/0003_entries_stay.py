"""The database itself refuses to change or remove an audit entry."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION audit_entries_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit entries are only ever added (% refused)', TG_OP USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER audit_entries_stay BEFORE UPDATE OR DELETE ON audit_entry
    FOR EACH ROW EXECUTE FUNCTION audit_entries_stay();
CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_stay();
"""

BACKWARD = """
DROP TRIGGER audit_is_not_emptied ON audit_entry;
DROP TRIGGER audit_entries_stay ON audit_entry;
DROP FUNCTION audit_entries_stay();
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_entry_who")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
