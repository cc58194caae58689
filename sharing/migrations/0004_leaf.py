"""The log of accepted packages; the database itself refuses to change, remove or squeeze in a leaf."""

import django.db.models.deletion
from django.db import migrations, models

FORWARD = """
CREATE FUNCTION leaves_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'leaves of the log are only ever added (% refused)', TG_OP USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE FUNCTION leaves_follow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.index <> COALESCE((SELECT max(index) + 1 FROM sharing_leaf), 0) OR octet_length(NEW.salt) <> 32 THEN
        RAISE EXCEPTION 'a leaf is added at the end of the log, with a salt of 32 bytes' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER leaves_stay BEFORE UPDATE OR DELETE ON sharing_leaf
    FOR EACH ROW EXECUTE FUNCTION leaves_stay();
CREATE TRIGGER log_is_not_emptied BEFORE TRUNCATE ON sharing_leaf
    FOR EACH STATEMENT EXECUTE FUNCTION leaves_stay();
CREATE TRIGGER leaves_follow BEFORE INSERT ON sharing_leaf
    FOR EACH ROW EXECUTE FUNCTION leaves_follow();
"""

BACKWARD = """
DROP TRIGGER leaves_follow ON sharing_leaf;
DROP TRIGGER log_is_not_emptied ON sharing_leaf;
DROP TRIGGER leaves_stay ON sharing_leaf;
DROP FUNCTION leaves_follow();
DROP FUNCTION leaves_stay();
"""


class Migration(migrations.Migration):
    dependencies = [("sharing", "0003_latest_due_first")]

    operations = [
        migrations.CreateModel(
            name="Leaf",
            fields=[
                (
                    "index",
                    models.PositiveBigIntegerField(primary_key=True, serialize=False, verbose_name="place in the log"),
                ),
                ("salt", models.BinaryField()),
                ("subtrees", models.BinaryField()),
                (
                    "submission",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="leaf",
                        to="sharing.submission",
                        verbose_name="submission",
                    ),
                ),
            ],
            options={
                "verbose_name": "leaf of the log",
                "verbose_name_plural": "leaves of the log",
                "ordering": ("index",),
            },
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
