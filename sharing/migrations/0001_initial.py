import django.db.models.deletion
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('institutions', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        migrations.swappable_dependency(settings.OAUTH2_PROVIDER_APPLICATION_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='PeerGroup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=40, unique=True, verbose_name='code')),
                ('family', models.SlugField(max_length=40, verbose_name='family')),
                ('names', models.JSONField(verbose_name='name')),
                ('criteria', models.JSONField(default=dict, verbose_name='criteria')),
                ('position', models.PositiveSmallIntegerField(default=0)),
            ],
            options={
                'verbose_name': 'peer group',
                'verbose_name_plural': 'peer groups',
                'ordering': ('family', 'position', 'code'),
            },
        ),
        migrations.CreateModel(
            name='Collection',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=40, verbose_name='code')),
                ('version', models.CharField(max_length=20, verbose_name='version')),
                ('document', models.JSONField(verbose_name='template')),
                ('size_limit', models.PositiveIntegerField(default=67108864, verbose_name='largest package, in bytes')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('contributors', models.ManyToManyField(related_name='collections', to='institutions.institution', verbose_name='contributors')),
                ('peer_groups', models.ManyToManyField(related_name='collections', to='sharing.peergroup', verbose_name='peer groups')),
            ],
            options={
                'verbose_name': 'collection',
                'verbose_name_plural': 'collections',
                'ordering': ('code', '-created_at'),
            },
        ),
        migrations.CreateModel(
            name='Release',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(max_length=70, unique=True, verbose_name='id')),
                ('revision', models.PositiveIntegerField(verbose_name='revision')),
                ('state', models.CharField(choices=[('computing', 'Computing'), ('failed', 'Failed'), ('in_review', 'In review'), ('refused', 'Refused in review'), ('published', 'Published'), ('withdrawn', 'Withdrawn')], default='computing', max_length=12, verbose_name='state')),
                ('started_at', models.DateTimeField(auto_now_add=True, verbose_name='started')),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('computed_at', models.DateTimeField(blank=True, null=True, verbose_name='computed')),
                ('published_at', models.DateTimeField(blank=True, null=True, verbose_name='published')),
                ('reason', models.TextField(blank=True, verbose_name='reason')),
                ('contributors', models.PositiveIntegerField(default=0, verbose_name='contributors')),
                ('expected', models.PositiveIntegerField(default=0, verbose_name='expected contributors')),
                ('cells', models.PositiveIntegerField(default=0, verbose_name='cells')),
                ('withheld', models.PositiveIntegerField(default=0, verbose_name='withheld cells')),
                ('audit_passed', models.BooleanField(default=False, verbose_name='audit passed')),
                ('audit', models.JSONField(default=dict)),
                ('inputs_digest', models.CharField(blank=True, max_length=64, verbose_name='digest of the inputs')),
                ('prepared_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('published_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'release',
                'verbose_name_plural': 'releases',
                'ordering': ('-round__period', '-revision'),
            },
        ),
        migrations.CreateModel(
            name='ReleaseApproval',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(auto_now_add=True, verbose_name='when')),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('release', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='approvals', to='sharing.release')),
            ],
            options={
                'verbose_name': 'approval',
                'ordering': ('at',),
            },
        ),
        migrations.CreateModel(
            name='ReleaseCell',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('indicator', models.CharField(max_length=40)),
                ('peer_group', models.CharField(max_length=40)),
                ('key', models.CharField(max_length=160)),
                ('pooled', models.FloatField(null=True)),
                ('mean', models.FloatField(null=True)),
                ('p25', models.FloatField(null=True)),
                ('median', models.FloatField(null=True)),
                ('p75', models.FloatField(null=True)),
                ('contributors', models.PositiveIntegerField(null=True)),
                ('withheld', models.BooleanField()),
                ('reason', models.CharField(blank=True, max_length=1)),
                ('release', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='cells_of_release', to='sharing.release')),
            ],
            options={
                'verbose_name': 'release cell',
            },
        ),
        migrations.CreateModel(
            name='Round',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('public_id', models.CharField(max_length=60, unique=True, verbose_name='id')),
                ('period', models.CharField(max_length=10, verbose_name='reference period')),
                ('state', models.CharField(choices=[('planned', 'Planned'), ('open', 'Open'), ('closed', 'Closed'), ('computing', 'Computing'), ('in_review', 'In review'), ('published', 'Published')], default='planned', max_length=12, verbose_name='state')),
                ('opens_at', models.DateTimeField(verbose_name='opens')),
                ('due_at', models.DateTimeField(verbose_name='due')),
                ('closed_at', models.DateTimeField(blank=True, null=True, verbose_name='closed')),
                ('collection', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='rounds', to='sharing.collection', verbose_name='collection')),
            ],
            options={
                'verbose_name': 'round',
                'verbose_name_plural': 'rounds',
                'ordering': ('-period', 'collection__code'),
            },
        ),
        migrations.AddField(
            model_name='release',
            name='round',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='releases', to='sharing.round', verbose_name='round'),
        ),
        migrations.CreateModel(
            name='RoundKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rkid', models.CharField(max_length=43, unique=True, verbose_name='key id')),
                ('suite', models.CharField(max_length=10, verbose_name='suite')),
                ('public_jwk', models.JSONField(verbose_name='public key')),
                ('signature', models.TextField(verbose_name="the consortium's signature over the key")),
                ('wrapped_private', models.BinaryField(null=True)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('destroyed_at', models.DateTimeField(blank=True, null=True, verbose_name='destroyed')),
                ('round', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='keys', to='sharing.round')),
            ],
            options={
                'verbose_name': 'sealing key',
            },
        ),
        migrations.CreateModel(
            name='Statement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sealed', models.BinaryField()),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('institution', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='statements', to='institutions.institution')),
                ('release', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='statements', to='sharing.release')),
            ],
            options={
                'verbose_name': 'statement',
                'verbose_name_plural': 'statements',
            },
        ),
        migrations.CreateModel(
            name='Submission',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(verbose_name='version')),
                ('state', models.CharField(choices=[('received', 'Received'), ('awaiting_approval', 'Awaiting approval'), ('accepted', 'Accepted'), ('rejected', 'Rejected'), ('superseded', 'Superseded'), ('withdrawn', 'Withdrawn')], default='received', max_length=20, verbose_name='state')),
                ('received_at', models.DateTimeField(verbose_name='received')),
                ('decided_at', models.DateTimeField(blank=True, null=True, verbose_name='decided')),
                ('idempotency_key', models.CharField(blank=True, max_length=200)),
                ('signing_kid', models.CharField(max_length=43, verbose_name='signed with')),
                ('rkid', models.CharField(max_length=43, verbose_name='sealed to')),
                ('package_sha256', models.CharField(max_length=64, verbose_name='SHA-256 of the package')),
                ('package_bytes', models.PositiveIntegerField(verbose_name='size of the package in bytes')),
                ('blob', models.CharField(max_length=200)),
                ('receipt', models.TextField(verbose_name='receipt')),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('approved_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('institution', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='submissions', to='institutions.institution', verbose_name='institution')),
                ('round', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='submissions', to='sharing.round', verbose_name='round')),
                ('sent_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('sent_by_client', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.OAUTH2_PROVIDER_APPLICATION_MODEL)),
            ],
            options={
                'verbose_name': 'submission',
                'verbose_name_plural': 'submissions',
                'ordering': ('-received_at',),
            },
        ),
        migrations.CreateModel(
            name='Opening',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('purpose', models.CharField(choices=[('check', 'Checking'), ('compare', 'Comparing with the period after'), ('compute', 'Computing the release')], max_length=10, verbose_name='purpose')),
                ('worker', models.CharField(max_length=120, verbose_name='worker')),
                ('at', models.DateTimeField(auto_now_add=True, verbose_name='when')),
                ('submission', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='openings', to='sharing.submission')),
            ],
            options={
                'verbose_name': 'opening',
                'verbose_name_plural': 'openings',
                'ordering': ('at',),
            },
        ),
        migrations.CreateModel(
            name='Finding',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rule', models.CharField(max_length=60, verbose_name='rule')),
                ('severity', models.CharField(choices=[('error', 'Error'), ('warning', 'Warning')], max_length=10, verbose_name='severity')),
                ('cell', models.JSONField(default=dict, verbose_name='cell')),
                ('sentence', models.TextField(verbose_name='what to do')),
                ('submission', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='findings', to='sharing.submission')),
            ],
            options={
                'verbose_name': 'finding',
                'verbose_name_plural': 'findings',
                'ordering': ('severity', 'pk'),
            },
        ),
        migrations.AddConstraint(
            model_name='collection',
            constraint=models.UniqueConstraint(fields=('code', 'version'), name='one_row_per_collection_version'),
        ),
        migrations.AddConstraint(
            model_name='releaseapproval',
            constraint=models.UniqueConstraint(fields=('release', 'person'), name='one_approval_per_person'),
        ),
        migrations.AddConstraint(
            model_name='releasecell',
            constraint=models.UniqueConstraint(fields=('release', 'indicator', 'peer_group', 'key'), name='one_row_per_cell'),
        ),
        migrations.AddConstraint(
            model_name='releasecell',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('contributors__isnull', False), ('pooled__isnull', False), ('withheld', False)), models.Q(('contributors__isnull', True), ('mean__isnull', True), ('median__isnull', True), ('p25__isnull', True), ('p75__isnull', True), ('pooled__isnull', True), ('withheld', True)), _connector='OR'), name='withheld_means_no_figure'),
        ),
        migrations.AddConstraint(
            model_name='round',
            constraint=models.UniqueConstraint(fields=('collection', 'period'), name='one_round_per_period'),
        ),
        migrations.AddConstraint(
            model_name='round',
            constraint=models.CheckConstraint(condition=models.Q(('due_at__gt', models.F('opens_at'))), name='due_after_opening'),
        ),
        migrations.AddConstraint(
            model_name='release',
            constraint=models.UniqueConstraint(fields=('round', 'revision'), name='revisions_are_counted'),
        ),
        migrations.AddConstraint(
            model_name='release',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['computing', 'in_review'])), fields=('round',), name='one_draft_per_round'),
        ),
        migrations.AddConstraint(
            model_name='release',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'published')), fields=('round',), name='one_published_release_per_round'),
        ),
        migrations.AddConstraint(
            model_name='release',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'published'), _negated=True), ('audit_passed', True), _connector='OR'), name='nothing_unaudited_is_published'),
        ),
        migrations.AddConstraint(
            model_name='roundkey',
            constraint=models.UniqueConstraint(fields=('round', 'suite'), name='one_sealing_key_per_suite'),
        ),
        migrations.AddConstraint(
            model_name='roundkey',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('destroyed_at__isnull', True), ('wrapped_private__isnull', False)), models.Q(('destroyed_at__isnull', False), ('wrapped_private__isnull', True)), _connector='OR'), name='a_destroyed_key_is_gone'),
        ),
        migrations.AddConstraint(
            model_name='statement',
            constraint=models.UniqueConstraint(fields=('release', 'institution'), name='one_statement_per_release'),
        ),
        migrations.AddIndex(
            model_name='submission',
            index=models.Index(fields=['state', 'received_at'], name='submission_waiting'),
        ),
        migrations.AddConstraint(
            model_name='submission',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'accepted')), fields=('round', 'institution'), name='one_accepted_submission_per_round'),
        ),
        migrations.AddConstraint(
            model_name='submission',
            constraint=models.UniqueConstraint(fields=('round', 'institution', 'version'), name='versions_are_counted'),
        ),
        migrations.AddConstraint(
            model_name='submission',
            constraint=models.UniqueConstraint(fields=('package_sha256',), name='the_same_bytes_are_one_submission'),
        ),
        migrations.AddConstraint(
            model_name='submission',
            constraint=models.UniqueConstraint(condition=models.Q(('idempotency_key', ''), _negated=True), fields=('institution', 'idempotency_key'), name='one_submission_per_idempotency_key'),
        ),
    ]
