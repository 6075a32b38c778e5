-- How PostgreSQL's catalogue describes a database. A section is a query for lines, `identity: definition`, one for each
-- object; the first section stands before every other. It is asked with an empty search path, so every name comes
-- qualified. Left out is what pg_dump leaves out, what belongs to an extension, and what a server names by itself.
-- See https://www.postgresql.org/docs/current/catalogs.html

-- section: before
WITH of_extensions AS (SELECT classid, objid FROM pg_depend WHERE deptype = 'e'),
namespaces AS (SELECT oid, nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'),
relations AS (
    SELECT c.*, n.nspname, format('%I.%I', n.nspname, c.relname) AS name
    FROM pg_class c JOIN namespaces n ON n.oid = c.relnamespace
    WHERE c.relpersistence <> 't'
        AND NOT EXISTS (SELECT FROM of_extensions e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid))

-- section: tables
-- Each column with whether PostgreSQL's own hash of its type tells all values apart, and whether a collation decides it.
SELECT c.nspname::text, c.relname::text, c.name, c.relpersistence = 'u', c.oid::bigint, coalesce((
    SELECT jsonb_agg(jsonb_build_array(
        a.attname,
        a.atttypid IN ('bool'::regtype, 'bytea'::regtype, 'int2'::regtype, 'int4'::regtype, 'int8'::regtype,
                       'oid'::regtype, 'text'::regtype, 'varchar'::regtype, 'date'::regtype, 'time'::regtype,
                       'timestamp'::regtype, 'timestamptz'::regtype, 'uuid'::regtype),
        a.atttypid IN ('text'::regtype, 'varchar'::regtype)) ORDER BY a.attname)
    FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]')
FROM relations c WHERE c.relkind = 'r' ORDER BY c.relpages DESC, c.name

-- section: positions
SELECT c.nspname::text, c.relname::text, c.name, s.seqstart, s.seqincrement
FROM relations c JOIN pg_sequence s ON s.seqrelid = c.oid

-- section: encoding
SELECT concat_ws(' ', pg_encoding_to_char(d.encoding), d.datcollate, d.datctype, to_jsonb(d) ->> 'datlocprovider',
                 coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'))
FROM pg_database d WHERE d.datname = current_database()

-- section: schemas
SELECT quote_ident(n.nspname) FROM namespaces n
WHERE NOT EXISTS (SELECT FROM of_extensions e WHERE e.classid = 'pg_namespace'::regclass AND e.objid = n.oid)

-- section: relations
SELECT c.name || ': ' || CASE c.relkind WHEN 'r' THEN 'table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
        WHEN 'f' THEN 'foreign table' WHEN 'c' THEN 'type' WHEN 'S' THEN 'sequence'
        ELSE 'partitioned table ' || pg_get_partkeydef(c.oid) END
    || CASE WHEN c.relpersistence = 'u' THEN ' unlogged' ELSE '' END
    || CASE WHEN c.relkind = 'm' AND NOT c.relispopulated THEN ' empty' ELSE '' END
    || CASE WHEN c.relrowsecurity THEN ' row security' ELSE '' END
    || CASE WHEN c.relforcerowsecurity THEN ' forced' ELSE '' END
    || CASE WHEN c.relkind = 'r' AND c.relreplident <> 'd' THEN ' replica identity ' || c.relreplident::text ELSE '' END
    || coalesce(' with ' || (SELECT string_agg(o, ', ' ORDER BY o) FROM unnest(c.reloptions) o), '')
    || coalesce(' of ' || (SELECT string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno)
                           FROM pg_inherits i WHERE i.inhrelid = c.oid), '')
    || coalesce(' ' || pg_get_expr(c.relpartbound, c.oid), '')
FROM relations c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c', 'S')

-- section: columns
SELECT format('%s.%I: ', c.name, a.attname) || format_type(a.atttypid, a.atttypmod)
    || CASE WHEN a.attcollation <> t.typcollation THEN ' COLLATE ' || a.attcollation::regcollation ELSE '' END
    || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
    || CASE WHEN EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'n'
                         AND k.conkey = ARRAY[a.attnum] AND NOT k.convalidated) THEN ' NOT VALID' ELSE '' END
    || CASE a.attidentity WHEN 'a' THEN ' IDENTITY ALWAYS' WHEN 'd' THEN ' IDENTITY BY DEFAULT' ELSE '' END
    || CASE WHEN a.attgenerated = 's' THEN ' STORED AS ' WHEN a.attgenerated = 'v' THEN ' VIRTUAL AS '
            WHEN d.adbin IS NOT NULL THEN ' DEFAULT ' ELSE '' END
    || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
FROM relations c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')

-- section: constraints
-- A server names by itself what a partition has of its parent's foreign keys; NOT NULL stands with the columns.
SELECT format('%s %I: ', coalesce(c.name, k.contypid::regtype::text), k.conname) || pg_get_constraintdef(k.oid)
FROM pg_constraint k
JOIN namespaces n ON n.oid = k.connamespace
LEFT JOIN relations c ON c.oid = k.conrelid
WHERE k.contype IN ('c', 'f', 'p', 'u', 'x') AND NOT (k.contype = 'f' AND k.conparentid <> 0)
    AND (k.conrelid = 0 OR c.oid IS NOT NULL)
    AND NOT EXISTS (SELECT FROM of_extensions e WHERE e.classid = 'pg_type'::regclass AND e.objid = k.contypid)

-- section: indexes
-- pg_dump dumps no index that is not valid, but those of partitioned tables.
SELECT c.name || ': ' || pg_get_indexdef(i.indexrelid)
    || CASE WHEN i.indisvalid THEN '' ELSE ' INVALID' END || CASE WHEN i.indisclustered THEN ' CLUSTER' ELSE '' END
    || CASE WHEN i.indisreplident THEN ' REPLICA IDENTITY' ELSE '' END
FROM pg_index i JOIN relations c ON c.oid = i.indexrelid JOIN relations t ON t.oid = i.indrelid
WHERE i.indisvalid OR c.relkind = 'I'

-- section: views
SELECT c.name || ': ' || pg_get_viewdef(c.oid) FROM relations c WHERE c.relkind IN ('v', 'm')

-- section: functions
-- A range type brings its constructors, and those of its multirange, by itself. A body that PostgreSQL keeps as parsed
-- is printed anew each time; one that it keeps as text is the same text.
SELECT format('%I.%I(%s): ', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid))
    || CASE p.prokind WHEN 'a' THEN 'aggregate' WHEN 'p' THEN 'procedure' WHEN 'w' THEN 'window' ELSE 'function' END
    || ' ' || CASE WHEN p.prosqlbody IS NOT NULL THEN pg_get_functiondef(p.oid)
        ELSE encode(sha256(convert_to(CASE WHEN p.prokind = 'a' THEN (
            SELECT concat_ws('|', g.aggkind, g.aggtransfn, g.aggfinalfn, g.aggcombinefn, g.aggtranstype::regtype,
                             g.agginitval, g.aggsortop::regoperator) FROM pg_aggregate g WHERE g.aggfnoid = p.oid)
            ELSE pg_get_functiondef(p.oid) END, 'UTF8')), 'hex') END
FROM pg_proc p JOIN namespaces n ON n.oid = p.pronamespace
WHERE p.oid >= 16384
    AND NOT EXISTS (SELECT FROM of_extensions e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid)
    AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid
                    AND e.deptype = 'i' AND e.refclassid = 'pg_type'::regclass)

-- section: triggers
SELECT format('%s %I: ', c.name, g.tgname) || pg_get_triggerdef(g.oid) || ' ' || g.tgenabled::text
FROM relations c JOIN pg_trigger g ON g.tgrelid = c.oid AND NOT g.tgisinternal

-- section: event triggers
SELECT format('%I: ', v.evtname) || concat_ws(' ', v.evtevent, v.evtfoid::regproc, v.evtenabled, v.evttags)
FROM pg_event_trigger v
WHERE NOT EXISTS (SELECT FROM of_extensions e WHERE e.classid = 'pg_event_trigger'::regclass AND e.objid = v.oid)

-- section: rules
SELECT format('%s %I: ', c.name, r.rulename) || pg_get_ruledef(r.oid) || ' ' || r.ev_enabled::text
FROM relations c JOIN pg_rewrite r ON r.ev_class = c.oid AND r.rulename <> '_RETURN'

-- section: policies
SELECT format('%s %I: ', c.name, p.polname) || p.polcmd::text || CASE WHEN p.polpermissive THEN '' ELSE ' restrictive' END
    || ' to ' || (SELECT string_agg(CASE WHEN r = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r)) END, ', '
                                    ORDER BY pg_get_userbyid(r)) FROM unnest(p.polroles) r)
    || coalesce(' using ' || pg_get_expr(p.polqual, p.polrelid), '')
    || coalesce(' check ' || pg_get_expr(p.polwithcheck, p.polrelid), '')
FROM relations c JOIN pg_policy p ON p.polrelid = c.oid

-- section: types
SELECT format('%I.%I: ', n.nspname, t.typname) || CASE t.typtype
    WHEN 'e' THEN 'enum ' || coalesce((SELECT string_agg(quote_literal(l.enumlabel), ', ' ORDER BY l.enumsortorder)
                                       FROM pg_enum l WHERE l.enumtypid = t.oid), '')
    WHEN 'd' THEN 'domain ' || format_type(t.typbasetype, t.typtypmod)
        || CASE WHEN t.typnotnull THEN ' NOT NULL' ELSE '' END || coalesce(' DEFAULT ' || t.typdefault, '')
    WHEN 'r' THEN 'range ' || coalesce((SELECT r.rngsubtype::regtype || ' ' || r.rngsubdiff::regproc
                                        FROM pg_range r WHERE r.rngtypid = t.oid), '')
    ELSE 'base ' || concat_ws(' ', t.typinput, t.typoutput, t.typlen) END
FROM pg_type t JOIN namespaces n ON n.oid = t.typnamespace
WHERE t.typtype IN ('e', 'd', 'r', 'b') AND NOT EXISTS (SELECT FROM pg_type b WHERE b.typarray = t.oid)
    AND NOT EXISTS (SELECT FROM of_extensions e WHERE e.classid = 'pg_type'::regclass AND e.objid = t.oid)

-- section: sequences
SELECT c.name || ': ' || concat_ws(' ', s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache,
                                   CASE WHEN s.seqcycle THEN 'cycle' END)
    || coalesce((SELECT ' owned by ' || o.refobjid::regclass || '.' || quote_ident(a.attname)
                 FROM pg_depend o JOIN pg_attribute a ON a.attrelid = o.refobjid AND a.attnum = o.refobjsubid
                 WHERE o.classid = 'pg_class'::regclass AND o.objid = c.oid AND o.deptype IN ('a', 'i')
                     AND o.refclassid = 'pg_class'::regclass AND o.refobjsubid > 0), '')
FROM relations c JOIN pg_sequence s ON s.seqrelid = c.oid

-- section: statistics
SELECT format('%I.%I: ', n.nspname, s.stxname) || pg_get_statisticsobjdef(s.oid)
FROM pg_statistic_ext s JOIN namespaces n ON n.oid = s.stxnamespace

-- section: publications
SELECT format('%I: ', p.pubname) || concat_ws(' ', CASE WHEN p.puballtables THEN 'all tables' END,
        CASE WHEN p.pubinsert THEN 'insert' END, CASE WHEN p.pubupdate THEN 'update' END,
        CASE WHEN p.pubdelete THEN 'delete' END, CASE WHEN p.pubtruncate THEN 'truncate' END,
        CASE WHEN p.pubviaroot THEN 'via root' END)
    || coalesce(' of ' || (SELECT string_agg(r.prrelid::regclass::text, ', ' ORDER BY r.prrelid::regclass::text)
                           FROM pg_publication_rel r WHERE r.prpubid = p.oid), '')
FROM pg_publication p

-- section: extensions
SELECT format('%I: in %I', x.extname, n.nspname) FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace

-- section: extension versions
SELECT format('%I: %s', x.extname, x.extversion) FROM pg_extension x

-- section: database
SELECT 'connection limit: ' || d.datconnlimit FROM pg_database d WHERE d.datname = current_database()
UNION ALL
SELECT format('settings of %s: ', CASE s.setrole WHEN 0 THEN 'all' ELSE quote_ident(pg_get_userbyid(s.setrole)) END)
    || split_part(o, '=', 1) || ' ' || encode(sha256(convert_to(o, 'UTF8')), 'hex')  -- applications keep secrets there
FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase CROSS JOIN LATERAL unnest(s.setconfig) o
WHERE d.datname = current_database()

-- section: roles
SELECT format('%I: ', r.rolname) || concat_ws(' ', CASE WHEN r.rolsuper THEN 'superuser' END,
        CASE WHEN r.rolcanlogin THEN 'login' END, CASE WHEN r.rolcreaterole THEN 'createrole' END,
        CASE WHEN r.rolcreatedb THEN 'createdb' END, CASE WHEN r.rolreplication THEN 'replication' END,
        CASE WHEN r.rolbypassrls THEN 'bypassrls' END,
        'in ' || (SELECT string_agg(quote_ident(pg_get_userbyid(m.roleid)), ', ' ORDER BY pg_get_userbyid(m.roleid))
                  FROM pg_auth_members m WHERE m.member = r.oid))
FROM pg_roles r WHERE r.rolname !~ '^pg_'
