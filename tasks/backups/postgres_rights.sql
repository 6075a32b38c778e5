-- Whose the objects of a PostgreSQL database are, and who may do what with them; read as postgres_catalogue.sql is.
-- What was never granted reads as what PostgreSQL grants by itself (acldefault), so an explicit default equals it.

-- section: before
WITH every (catalogue, described, oid, owner, acl) AS (
    SELECT 'pg_class', 'pg_class', oid, relowner,
        coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner))
    FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND relpersistence <> 't'
    UNION ALL SELECT 'pg_proc', 'pg_proc', p.oid, proowner, coalesce(proacl, acldefault('f', proowner))
    FROM pg_proc p WHERE NOT EXISTS (
        SELECT FROM pg_depend i WHERE i.classid = 'pg_proc'::regclass AND i.objid = p.oid AND i.deptype = 'i'
            AND i.refclassid = 'pg_type'::regclass)
    UNION ALL SELECT 'pg_namespace', 'pg_namespace', oid, nspowner, coalesce(nspacl, acldefault('n', nspowner))
    FROM pg_namespace
    UNION ALL SELECT 'pg_type', 'pg_type', t.oid, typowner, coalesce(typacl, acldefault('T', typowner))
    FROM pg_type t WHERE NOT EXISTS (SELECT FROM pg_type b WHERE b.typarray = t.oid) AND (
        typtype IN ('e', 'd', 'r', 'b') OR EXISTS (SELECT FROM pg_class c WHERE c.oid = typrelid AND relkind = 'c'))
    UNION ALL SELECT 'pg_foreign_data_wrapper', 'pg_foreign_data_wrapper', oid, fdwowner,
        coalesce(fdwacl, acldefault('F', fdwowner)) FROM pg_foreign_data_wrapper
    UNION ALL SELECT 'pg_foreign_server', 'pg_foreign_server', oid, srvowner, coalesce(srvacl, acldefault('S', srvowner))
    FROM pg_foreign_server
    UNION ALL SELECT 'pg_largeobject_metadata', 'pg_largeobject', oid, lomowner,
        coalesce(lomacl, acldefault('L', lomowner)) FROM pg_largeobject_metadata
    UNION ALL SELECT 'pg_language', 'pg_language', oid, lanowner, coalesce(lanacl, acldefault('l', lanowner))
    FROM pg_language
    UNION ALL SELECT 'pg_collation', 'pg_collation', oid, collowner, NULL FROM pg_collation
    UNION ALL SELECT 'pg_conversion', 'pg_conversion', oid, conowner, NULL FROM pg_conversion
    UNION ALL SELECT 'pg_operator', 'pg_operator', oid, oprowner, NULL FROM pg_operator
    UNION ALL SELECT 'pg_opclass', 'pg_opclass', oid, opcowner, NULL FROM pg_opclass
    UNION ALL SELECT 'pg_opfamily', 'pg_opfamily', oid, opfowner, NULL FROM pg_opfamily
    UNION ALL SELECT 'pg_statistic_ext', 'pg_statistic_ext', oid, stxowner, NULL FROM pg_statistic_ext
    UNION ALL SELECT 'pg_ts_config', 'pg_ts_config', oid, cfgowner, NULL FROM pg_ts_config
    UNION ALL SELECT 'pg_ts_dict', 'pg_ts_dict', oid, dictowner, NULL FROM pg_ts_dict
    UNION ALL SELECT 'pg_event_trigger', 'pg_event_trigger', oid, evtowner, NULL FROM pg_event_trigger
    UNION ALL SELECT 'pg_publication', 'pg_publication', oid, pubowner, NULL FROM pg_publication
    UNION ALL SELECT 'pg_cast', 'pg_cast', oid, NULL, NULL FROM pg_cast
    UNION ALL SELECT 'pg_transform', 'pg_transform', oid, NULL, NULL FROM pg_transform
    UNION ALL SELECT 'pg_am', 'pg_am', oid, NULL, NULL FROM pg_am
    UNION ALL SELECT 'pg_ts_parser', 'pg_ts_parser', oid, NULL, NULL FROM pg_ts_parser
    UNION ALL SELECT 'pg_ts_template', 'pg_ts_template', oid, NULL, NULL FROM pg_ts_template),
objects AS (
    SELECT i.type || ' ' || i.identity AS what, o.owner, o.acl
    FROM every o CROSS JOIN LATERAL pg_identify_object(o.described::regclass, o.oid, 0) i
    WHERE (o.oid >= 16384 OR o.catalogue = 'pg_namespace' AND i.identity = 'public')
        AND coalesce(i.schema, '') !~ '^pg_' AND NOT (o.catalogue = 'pg_namespace' AND i.identity ~ '^pg_')
        AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = o.described::regclass AND e.objid = o.oid
                        AND e.deptype = 'e')
    UNION ALL SELECT 'database', datdba, coalesce(datacl, acldefault('d', datdba))
    FROM pg_database WHERE datname = current_database())

-- section: owners
SELECT what || coalesce(': ' || quote_ident(pg_get_userbyid(owner)), '') FROM objects

-- section: privileges
SELECT o.what || ' to ' || CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END || ': '
    || string_agg(g.privilege_type || CASE WHEN g.is_grantable THEN '*' ELSE '' END, ', ' ORDER BY g.privilege_type)
FROM (SELECT what, acl FROM objects UNION ALL
      SELECT format('column %s.%I', a.attrelid::regclass, a.attname), a.attacl FROM pg_attribute a
      WHERE a.attacl IS NOT NULL AND a.attrelid >= 16384 AND NOT EXISTS (
          SELECT FROM pg_depend e
          WHERE e.classid = 'pg_class'::regclass AND e.objid = a.attrelid AND e.deptype = 'e')) o
CROSS JOIN LATERAL aclexplode(o.acl) g GROUP BY o.what, g.grantee

-- section: default privileges
SELECT format('%I %s in %s to ', pg_get_userbyid(d.defaclrole), d.defaclobjtype,
              CASE d.defaclnamespace WHEN 0 THEN 'all' ELSE d.defaclnamespace::regnamespace::text END)
    || CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(g.grantee)) END || ': '
    || string_agg(g.privilege_type || CASE WHEN g.is_grantable THEN '*' ELSE '' END, ', ' ORDER BY g.privilege_type)
FROM pg_default_acl d CROSS JOIN LATERAL aclexplode(d.defaclacl) g
GROUP BY d.oid, d.defaclrole, d.defaclobjtype, d.defaclnamespace, g.grantee
