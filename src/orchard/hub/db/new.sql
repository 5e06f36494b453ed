-- A new database as the migrations make it. Generated: make docs.

CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

CREATE TABLE repositories (
	id INTEGER NOT NULL, 
	name VARCHAR NOT NULL, 
	created_at BIGINT NOT NULL, visibility VARCHAR, namespace VARCHAR DEFAULT '' NOT NULL, deleted_at BIGINT, 
	PRIMARY KEY (id), 
	UNIQUE (name)
);

CREATE TABLE blobs (
	digest VARCHAR NOT NULL, 
	size BIGINT NOT NULL, 
	stored_at BIGINT NOT NULL, checked_at BIGINT DEFAULT '0' NOT NULL, damaged_at BIGINT, 
	PRIMARY KEY (digest)
);

CREATE TABLE manifests (
	id INTEGER NOT NULL, 
	repository_id INTEGER NOT NULL, 
	digest VARCHAR NOT NULL, 
	media_type VARCHAR NOT NULL, 
	artifact_type VARCHAR, 
	kind VARCHAR NOT NULL, 
	size BIGINT NOT NULL, 
	subject_digest VARCHAR, 
	referrer TEXT, 
	config_digest VARCHAR, 
	pushed_at BIGINT NOT NULL, 
	pushed_by VARCHAR NOT NULL, 
	total_size BIGINT NOT NULL, 
	layer_count INTEGER NOT NULL, 
	model_name VARCHAR, 
	model_version VARCHAR, 
	description TEXT, 
	framework VARCHAR, 
	model_format VARCHAR, 
	licence VARCHAR, 
	note TEXT, orphaned_at BIGINT, 
	PRIMARY KEY (id), 
	UNIQUE (repository_id, digest), 
	FOREIGN KEY(repository_id) REFERENCES repositories (id) ON DELETE CASCADE
);

CREATE INDEX manifests_by_subject ON manifests (repository_id, subject_digest, digest);

CREATE INDEX manifests_by_time ON manifests (repository_id, pushed_at);

CREATE TABLE documents (
	manifest_id INTEGER NOT NULL, 
	raw BLOB NOT NULL, 
	PRIMARY KEY (manifest_id), 
	FOREIGN KEY(manifest_id) REFERENCES manifests (id) ON DELETE CASCADE
);

CREATE TABLE manifest_children (
	manifest_id INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	digest VARCHAR NOT NULL, 
	media_type VARCHAR NOT NULL, 
	size BIGINT NOT NULL, repository_id INTEGER DEFAULT '0' NOT NULL, 
	PRIMARY KEY (manifest_id, position), 
	FOREIGN KEY(manifest_id) REFERENCES manifests (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;

CREATE TABLE tags (
	repository_id INTEGER NOT NULL, 
	name VARCHAR NOT NULL, 
	manifest_id INTEGER NOT NULL, 
	updated_at BIGINT NOT NULL, 
	updated_by VARCHAR NOT NULL, 
	PRIMARY KEY (repository_id, name), 
	FOREIGN KEY(repository_id) REFERENCES repositories (id) ON DELETE CASCADE, 
	FOREIGN KEY(manifest_id) REFERENCES manifests (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;

CREATE INDEX tags_by_manifest ON tags (manifest_id);

CREATE TABLE tag_history (
	id INTEGER NOT NULL, 
	repository_id INTEGER NOT NULL, 
	name VARCHAR NOT NULL, 
	digest VARCHAR, 
	at BIGINT NOT NULL, 
	account VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	FOREIGN KEY(repository_id) REFERENCES repositories (id) ON DELETE CASCADE
);

CREATE INDEX tag_history_by_name ON tag_history (repository_id, name, id);

CREATE TABLE uploads (
	id VARCHAR(32) NOT NULL, 
	repository VARCHAR NOT NULL, 
	account VARCHAR NOT NULL, 
	algorithm VARCHAR NOT NULL, 
	started_at BIGINT NOT NULL, reserved BIGINT DEFAULT '0' NOT NULL, secret VARCHAR(32) DEFAULT '' NOT NULL, active_at BIGINT DEFAULT '0' NOT NULL, 
	PRIMARY KEY (id)
);

CREATE TABLE events (
	id INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	account VARCHAR NOT NULL, 
	action VARCHAR NOT NULL, 
	repository VARCHAR NOT NULL, 
	digest VARCHAR, 
	tag VARCHAR, subject VARCHAR, detail TEXT, 
	PRIMARY KEY (id)
);

CREATE INDEX events_by_repository ON events (repository, id);

CREATE TABLE "users" (
	name VARCHAR NOT NULL, 
	password_hash VARCHAR, 
	created_at BIGINT NOT NULL, 
	changed_at BIGINT NOT NULL, 
	site_admin BOOLEAN DEFAULT 0 NOT NULL, 
	disabled BOOLEAN DEFAULT 0 NOT NULL, 
	PRIMARY KEY (name)
);

CREATE TABLE teams (
	name VARCHAR NOT NULL, 
	created_at BIGINT NOT NULL, 
	PRIMARY KEY (name)
);

CREATE TABLE team_members (
	team_name VARCHAR NOT NULL, 
	user_name VARCHAR NOT NULL, 
	role VARCHAR NOT NULL, 
	PRIMARY KEY (team_name, user_name), 
	FOREIGN KEY(team_name) REFERENCES teams (name) ON DELETE CASCADE, 
	FOREIGN KEY(user_name) REFERENCES users (name) ON DELETE CASCADE
);

CREATE INDEX team_members_by_user ON team_members (user_name);

CREATE TABLE namespaces (
	name VARCHAR NOT NULL, 
	owner_user VARCHAR, 
	owner_team VARCHAR, 
	visibility VARCHAR NOT NULL, 
	created_at BIGINT NOT NULL, 
	PRIMARY KEY (name), 
	CONSTRAINT namespaces_have_one_owner CHECK (owner_user IS NULL OR owner_team IS NULL), 
	FOREIGN KEY(owner_user) REFERENCES users (name), 
	FOREIGN KEY(owner_team) REFERENCES teams (name)
);

CREATE INDEX namespaces_by_user ON namespaces (owner_user);

CREATE INDEX namespaces_by_team ON namespaces (owner_team);

CREATE TABLE grants (
	id INTEGER NOT NULL, 
	user_name VARCHAR, 
	team_name VARCHAR, 
	namespace VARCHAR NOT NULL, 
	repository VARCHAR, 
	role VARCHAR NOT NULL, 
	granted_at BIGINT NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT grants_have_one_grantee CHECK ((user_name IS NULL) <> (team_name IS NULL)), 
	FOREIGN KEY(user_name) REFERENCES users (name) ON DELETE CASCADE, 
	FOREIGN KEY(team_name) REFERENCES teams (name) ON DELETE CASCADE
);

CREATE INDEX grants_by_user ON grants (user_name);

CREATE INDEX grants_by_team ON grants (team_name);

CREATE INDEX grants_by_namespace ON grants (namespace);

CREATE TABLE tokens (
	id VARCHAR(32) NOT NULL, 
	secret_hash VARCHAR(64) NOT NULL, 
	name VARCHAR NOT NULL, 
	user_name VARCHAR, 
	namespace VARCHAR, 
	actions VARCHAR NOT NULL, 
	patterns TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	created_by VARCHAR NOT NULL, 
	expires_at BIGINT, 
	used_at BIGINT, 
	revoked_at BIGINT, 
	PRIMARY KEY (id), 
	CONSTRAINT tokens_have_one_owner CHECK ((user_name IS NULL) <> (namespace IS NULL)), 
	UNIQUE (secret_hash), 
	FOREIGN KEY(user_name) REFERENCES users (name) ON DELETE CASCADE
);

CREATE INDEX tokens_by_user ON tokens (user_name);

CREATE INDEX tokens_by_namespace ON tokens (namespace);

CREATE TABLE browser_sessions (
	secret_hash VARCHAR(64) NOT NULL, 
	user_name VARCHAR NOT NULL, 
	created_at BIGINT NOT NULL, 
	seen_at BIGINT NOT NULL, 
	PRIMARY KEY (secret_hash), 
	FOREIGN KEY(user_name) REFERENCES users (name) ON DELETE CASCADE
);

CREATE INDEX browser_sessions_by_user ON browser_sessions (user_name);

CREATE INDEX browser_sessions_by_time ON browser_sessions (created_at);

CREATE TABLE invitations (
	secret_hash VARCHAR(64) NOT NULL, 
	user_name VARCHAR NOT NULL, 
	created_at BIGINT NOT NULL, 
	expires_at BIGINT NOT NULL, 
	PRIMARY KEY (secret_hash), 
	FOREIGN KEY(user_name) REFERENCES users (name) ON DELETE CASCADE
);

CREATE INDEX invitations_by_user ON invitations (user_name);

CREATE TABLE identities (
	issuer VARCHAR NOT NULL, 
	subject VARCHAR NOT NULL, 
	user_name VARCHAR NOT NULL, 
	created_at BIGINT NOT NULL, 
	PRIMARY KEY (issuer, subject), 
	FOREIGN KEY(user_name) REFERENCES users (name) ON DELETE CASCADE
);

CREATE INDEX identities_by_user ON identities (user_name);

CREATE TABLE trusts (
	id VARCHAR(32) NOT NULL, 
	namespace VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	issuer VARCHAR NOT NULL, 
	claims TEXT NOT NULL, 
	actions VARCHAR NOT NULL, 
	patterns TEXT NOT NULL, 
	lifetime INTEGER NOT NULL, 
	created_at BIGINT NOT NULL, 
	created_by VARCHAR NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT trusts_have_one_name UNIQUE (namespace, name)
);

CREATE INDEX trusts_by_issuer ON trusts (issuer);

CREATE TABLE login_failures (
	"key" VARCHAR NOT NULL, 
	free FLOAT NOT NULL, 
	at BIGINT NOT NULL, 
	PRIMARY KEY ("key")
);

CREATE INDEX login_failures_by_time ON login_failures (at);

CREATE TABLE signing_keys (
	kid VARCHAR(32) NOT NULL, 
	jwk TEXT NOT NULL, 
	created_at BIGINT NOT NULL, 
	retired_at BIGINT, 
	PRIMARY KEY (kid)
);

CREATE TABLE access_state (
	id INTEGER NOT NULL, 
	epoch BIGINT NOT NULL, 
	PRIMARY KEY (id)
);

CREATE INDEX repositories_by_namespace ON repositories (namespace);

CREATE TABLE blob_links (
	repository_id INTEGER NOT NULL, 
	digest VARCHAR NOT NULL, 
	linked_at BIGINT NOT NULL, 
	namespace VARCHAR NOT NULL, 
	released_at BIGINT, 
	size BIGINT NOT NULL, 
	PRIMARY KEY (repository_id, digest), 
	FOREIGN KEY(repository_id) REFERENCES repositories (id) ON DELETE CASCADE, 
	FOREIGN KEY(digest) REFERENCES blobs (digest)
)
 WITHOUT ROWID

;

CREATE INDEX blob_links_by_digest ON blob_links (digest, namespace, released_at);

CREATE INDEX uploads_by_repository ON uploads (repository);

CREATE TABLE tag_rules (
	id INTEGER NOT NULL, 
	scope VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	pattern VARCHAR NOT NULL, 
	movers TEXT NOT NULL, 
	made_at BIGINT NOT NULL, 
	made_by VARCHAR NOT NULL, 
	PRIMARY KEY (id)
);

CREATE INDEX tag_rules_by_scope ON tag_rules (scope);

CREATE TABLE retention (
	scope VARCHAR NOT NULL, 
	rules TEXT NOT NULL, 
	made_at BIGINT NOT NULL, 
	made_by VARCHAR NOT NULL, 
	PRIMARY KEY (scope)
);

CREATE TABLE quotas (
	namespace VARCHAR NOT NULL, 
	bytes BIGINT, 
	repositories BIGINT, 
	made_at BIGINT NOT NULL, 
	made_by VARCHAR NOT NULL, 
	PRIMARY KEY (namespace)
);

CREATE TABLE manifest_pulls (
	manifest_id INTEGER NOT NULL, 
	pulls BIGINT NOT NULL, 
	pulled_at BIGINT NOT NULL, 
	PRIMARY KEY (manifest_id), 
	FOREIGN KEY(manifest_id) REFERENCES manifests (id) ON DELETE CASCADE
);

CREATE TABLE usage (
	namespace VARCHAR NOT NULL, 
	bytes BIGINT NOT NULL, 
	repositories BIGINT NOT NULL, 
	PRIMARY KEY (namespace)
);

CREATE TABLE trash (
	id INTEGER NOT NULL, 
	repository VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	what VARCHAR NOT NULL, 
	why TEXT NOT NULL, 
	deleted_at BIGINT NOT NULL, 
	deleted_by VARCHAR NOT NULL, 
	PRIMARY KEY (id)
);

CREATE INDEX trash_by_repository ON trash (repository, id);

CREATE INDEX trash_by_time ON trash (deleted_at);

CREATE TABLE trash_manifests (
	id INTEGER NOT NULL, 
	trash_id INTEGER NOT NULL, 
	digest VARCHAR NOT NULL, 
	subject_digest VARCHAR, 
	record TEXT NOT NULL, 
	raw BLOB NOT NULL, 
	pulls BIGINT NOT NULL, 
	pulled_at BIGINT, 
	PRIMARY KEY (id), 
	FOREIGN KEY(trash_id) REFERENCES trash (id) ON DELETE CASCADE
);

CREATE INDEX trash_manifests_by_trash ON trash_manifests (trash_id, id);

CREATE TABLE trash_children (
	trash_manifest_id INTEGER NOT NULL, 
	digest VARCHAR NOT NULL, 
	PRIMARY KEY (trash_manifest_id, digest), 
	FOREIGN KEY(trash_manifest_id) REFERENCES trash_manifests (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;

CREATE INDEX trash_children_by_digest ON trash_children (digest);

CREATE TABLE trash_tags (
	trash_id INTEGER NOT NULL, 
	name VARCHAR NOT NULL, 
	digest VARCHAR NOT NULL, 
	PRIMARY KEY (trash_id, name), 
	FOREIGN KEY(trash_id) REFERENCES trash (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;

CREATE TABLE tasks (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	kind VARCHAR NOT NULL, 
	payload TEXT NOT NULL, 
	"key" VARCHAR, 
	lock VARCHAR, 
	state VARCHAR NOT NULL, 
	attempt INTEGER NOT NULL, 
	asked_at BIGINT NOT NULL, 
	waiting_since BIGINT NOT NULL, 
	due_at BIGINT NOT NULL, 
	started_at BIGINT, 
	ended_at BIGINT, 
	job BIGINT, 
	worker VARCHAR, 
	lease VARCHAR(32), 
	beat BIGINT NOT NULL, 
	cancelled BOOLEAN NOT NULL, 
	done BIGINT NOT NULL, 
	total BIGINT, 
	note TEXT NOT NULL, 
	reason TEXT
, unit VARCHAR DEFAULT '' NOT NULL);

CREATE UNIQUE INDEX tasks_by_key ON tasks ("key") WHERE state = 'waiting';

CREATE INDEX tasks_by_state ON tasks (state, due_at);

CREATE INDEX tasks_by_end ON tasks (ended_at);

CREATE TABLE periods (
	kind VARCHAR NOT NULL, 
	last_at BIGINT NOT NULL, 
	PRIMARY KEY (kind)
);

CREATE TABLE outbox (
	event_id INTEGER NOT NULL, 
	PRIMARY KEY (event_id), 
	FOREIGN KEY(event_id) REFERENCES events (id) ON DELETE CASCADE
);

CREATE TABLE webhooks (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	scope VARCHAR NOT NULL, 
	url TEXT NOT NULL, 
	events TEXT NOT NULL, 
	secret TEXT NOT NULL, 
	active BOOLEAN NOT NULL, 
	reason TEXT, 
	created_at BIGINT NOT NULL, 
	created_by VARCHAR NOT NULL, 
	failing_since BIGINT, 
	failures INTEGER NOT NULL, 
	due_at BIGINT NOT NULL, 
	lease VARCHAR(32), 
	leased_until BIGINT NOT NULL
);

CREATE INDEX webhooks_by_scope ON webhooks (scope);

CREATE TABLE deliveries (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	webhook_id INTEGER NOT NULL, 
	message VARCHAR(40) NOT NULL, 
	event VARCHAR NOT NULL, 
	body TEXT NOT NULL, 
	state VARCHAR NOT NULL, 
	attempts INTEGER NOT NULL, 
	created_at BIGINT NOT NULL, 
	tried_at BIGINT, 
	status INTEGER, 
	milliseconds BIGINT, 
	answer TEXT, 
	error TEXT, 
	FOREIGN KEY(webhook_id) REFERENCES webhooks (id) ON DELETE CASCADE
);

CREATE INDEX deliveries_by_webhook ON deliveries (webhook_id, state, id);

CREATE INDEX deliveries_by_time ON deliveries (created_at);

CREATE TABLE mirrors (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	direction VARCHAR NOT NULL, 
	repository VARCHAR NOT NULL, 
	remote TEXT NOT NULL, 
	tags TEXT NOT NULL, 
	every BIGINT, 
	on_push BOOLEAN NOT NULL, 
	referrers BOOLEAN NOT NULL, 
	deletions BOOLEAN NOT NULL, 
	username TEXT, 
	password TEXT, 
	created_at BIGINT NOT NULL, 
	created_by VARCHAR NOT NULL, 
	due_at BIGINT, 
	began_at BIGINT, 
	ended_at BIGINT, 
	state VARCHAR, 
	report TEXT, 
	known TEXT NOT NULL
);

CREATE INDEX mirrors_by_repository ON mirrors (repository);

CREATE INDEX mirrors_by_time ON mirrors (due_at);

CREATE TABLE proxies (
	namespace VARCHAR NOT NULL, 
	remote TEXT NOT NULL, 
	username TEXT, 
	password TEXT, 
	ttl BIGINT NOT NULL, 
	largest BIGINT, 
	created_at BIGINT NOT NULL, 
	created_by VARCHAR NOT NULL, 
	PRIMARY KEY (namespace)
);

CREATE TABLE proxied_tags (
	repository_id INTEGER NOT NULL, 
	name VARCHAR NOT NULL, 
	checked_at BIGINT NOT NULL, 
	PRIMARY KEY (repository_id, name), 
	FOREIGN KEY(repository_id) REFERENCES repositories (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;

CREATE INDEX blobs_by_check ON blobs (checked_at);

CREATE INDEX blobs_by_damage ON blobs (digest) WHERE damaged_at IS NOT NULL;

CREATE TABLE upkeep (
	kind VARCHAR NOT NULL, 
	ended_at BIGINT NOT NULL, 
	report TEXT NOT NULL, 
	PRIMARY KEY (kind)
);

CREATE INDEX manifest_children_by_digest ON manifest_children (digest, repository_id);

CREATE INDEX uploads_by_activity ON uploads (active_at);

CREATE INDEX uploads_by_account ON uploads (account);

CREATE TABLE places (
	id INTEGER NOT NULL, 
	url VARCHAR NOT NULL, 
	mark VARCHAR(32) NOT NULL, 
	current BOOLEAN NOT NULL, 
	PRIMARY KEY (id), 
	UNIQUE (url)
);

CREATE TABLE stored (
	place_id INTEGER NOT NULL, 
	digest VARCHAR NOT NULL, 
	size BIGINT NOT NULL, 
	published_at BIGINT NOT NULL, 
	PRIMARY KEY (place_id, digest), 
	FOREIGN KEY(place_id) REFERENCES places (id)
)
 WITHOUT ROWID

;

CREATE TABLE staged (
	session VARCHAR(32) NOT NULL, 
	place_id INTEGER NOT NULL, 
	algorithm VARCHAR NOT NULL, 
	size BIGINT NOT NULL, 
	tail BIGINT NOT NULL, 
	state BLOB, 
	changed_at BIGINT NOT NULL, 
	PRIMARY KEY (session), 
	FOREIGN KEY(place_id) REFERENCES places (id)
);

CREATE TABLE tails (
	session VARCHAR(32) NOT NULL, 
	position INTEGER NOT NULL, 
	data BLOB NOT NULL, 
	PRIMARY KEY (session, position), 
	FOREIGN KEY(session) REFERENCES staged (session) ON DELETE CASCADE
);

CREATE TABLE segments (
	place_id INTEGER NOT NULL, 
	owner VARCHAR NOT NULL, 
	position INTEGER NOT NULL, 
	"key" VARCHAR NOT NULL, 
	size BIGINT NOT NULL, 
	PRIMARY KEY (place_id, owner, position), 
	FOREIGN KEY(place_id) REFERENCES places (id)
)
 WITHOUT ROWID

;

CREATE INDEX segments_by_key ON segments ("key");

CREATE TABLE layer_files (
	digest VARCHAR NOT NULL, 
	form VARCHAR NOT NULL, 
	revision INTEGER NOT NULL, 
	files BIGINT NOT NULL, 
	note TEXT, 
	hashed INTEGER NOT NULL, 
	document BLOB, 
	PRIMARY KEY (digest, form), 
	FOREIGN KEY(digest) REFERENCES blobs (digest) ON DELETE CASCADE
);

CREATE INDEX layer_files_to_hash ON layer_files (digest) WHERE hashed = 0;

CREATE TABLE insights (
	digest VARCHAR NOT NULL, 
	path VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	revision INTEGER NOT NULL, 
	document BLOB NOT NULL, 
	PRIMARY KEY (digest, path), 
	FOREIGN KEY(digest) REFERENCES blobs (digest) ON DELETE CASCADE
);

CREATE TABLE understandings (
	manifest_id INTEGER NOT NULL, 
	state VARCHAR NOT NULL, 
	revision INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	note TEXT, 
	document BLOB, 
	PRIMARY KEY (manifest_id), 
	FOREIGN KEY(manifest_id) REFERENCES manifests (id) ON DELETE CASCADE
);

CREATE INDEX understandings_by_revision ON understandings (revision, manifest_id);

CREATE TABLE facts (
	manifest_id INTEGER NOT NULL, 
	"key" VARCHAR NOT NULL, 
	position INTEGER NOT NULL, 
	text VARCHAR, 
	number DOUBLE, folded VARCHAR, 
	PRIMARY KEY (manifest_id, "key", position), 
	FOREIGN KEY(manifest_id) REFERENCES manifests (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;

CREATE INDEX facts_by_number ON facts ("key", number);

CREATE INDEX facts_by_text ON facts ("key", folded);

CREATE INDEX tags_by_name ON tags (name);

CREATE INDEX manifests_by_push ON manifests (pushed_at);

CREATE TABLE search_texts (
	manifest_id INTEGER NOT NULL, 
	names TEXT NOT NULL, 
	about TEXT NOT NULL, 
	facts TEXT NOT NULL, 
	card TEXT NOT NULL, 
	source BLOB, 
	PRIMARY KEY (manifest_id), 
	FOREIGN KEY(manifest_id) REFERENCES manifests (id) ON DELETE CASCADE
);

CREATE VIRTUAL TABLE search_index USING fts5(names, about, facts, card, content='search_texts', content_rowid='manifest_id', tokenize='ascii', columnsize=0);

CREATE TRIGGER search_texts_enter AFTER INSERT ON search_texts BEGIN INSERT INTO search_index (rowid, names, about, facts, card) VALUES (new.manifest_id, new.names, new.about, new.facts, new.card); END;

CREATE TRIGGER search_texts_leave AFTER DELETE ON search_texts BEGIN INSERT INTO search_index (search_index, rowid, names, about, facts, card) VALUES ('delete', old.manifest_id, old.names, old.about, old.facts, old.card); END;

CREATE TRIGGER search_texts_change AFTER UPDATE ON search_texts BEGIN INSERT INTO search_index (search_index, rowid, names, about, facts, card) VALUES ('delete', old.manifest_id, old.names, old.about, old.facts, old.card); INSERT INTO search_index (rowid, names, about, facts, card) VALUES (new.manifest_id, new.names, new.about, new.facts, new.card); END;

CREATE TABLE task_lines (
	task_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	at BIGINT NOT NULL, 
	text TEXT NOT NULL, 
	PRIMARY KEY (task_id, number), 
	FOREIGN KEY(task_id) REFERENCES tasks (id) ON DELETE CASCADE
)
 WITHOUT ROWID

;

INSERT INTO access_state (id, epoch) VALUES (1, 1);

INSERT INTO alembic_version (version_num) VALUES ('0008')
