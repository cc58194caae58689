"""The database itself refuses to change or remove an issued agreement or an acceptance."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION agreements_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'agreements and acceptances are only ever added (% refused)', TG_OP
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER agreements_stay BEFORE UPDATE OR DELETE ON institutions_agreement
    FOR EACH ROW EXECUTE FUNCTION agreements_stay();
CREATE TRIGGER acceptances_stay BEFORE UPDATE OR DELETE ON institutions_agreementacceptance
    FOR EACH ROW EXECUTE FUNCTION agreements_stay();
"""

BACKWARD = """
DROP TRIGGER acceptances_stay ON institutions_agreementacceptance;
DROP TRIGGER agreements_stay ON institutions_agreement;
DROP FUNCTION agreements_stay();
"""


class Migration(migrations.Migration):
    dependencies = [("institutions", "0004_groups_of_before")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
