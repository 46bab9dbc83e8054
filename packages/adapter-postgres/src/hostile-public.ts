// Imported by tests only; index.ts does not lead here.

/**
 * What somebody who may create in `public` can do to statements that name functions and operators without their schema:
 * functions with exactly the types that a call has, where Postgres' own take any array or element, and operators for
 * every pair of types that Postgres has none of its own for, so that it would convert one side. Each raises `attacked`.
 * To be run with `search_path = pg_catalog`, or it would attack itself.
 */
export const hostilePublic = `
DO $do$
DECLARE
  type text;
  op text;
  l text;
  r text;
  result text;
  raising text := $$ LANGUAGE plpgsql AS 'BEGIN RAISE ''attacked''; END' $$;
BEGIN
  FOREACH type IN ARRAY ARRAY['text', 'bigint', 'integer', 'boolean', 'timestamptz', 'json', 'jsonb'] LOOP
    EXECUTE format('CREATE FUNCTION public.unnest(%1$s[]) RETURNS SETOF %1$s %2$s', type, raising);
    EXECUTE format('CREATE FUNCTION public.array_to_json(%s[]) RETURNS json %s', type, raising);
    EXECUTE format('CREATE FUNCTION public.step(text, %s) RETURNS text %s', type, raising);
    EXECUTE format('CREATE AGGREGATE public.array_agg(%s) (SFUNC = public.step, STYPE = text)', type);
    EXECUTE format('CREATE AGGREGATE public.json_agg(%s) (SFUNC = public.step, STYPE = text)', type);
  END LOOP;
  EXECUTE 'CREATE FUNCTION public.json_build_object(text, bigint, text, bigint, text, bigint, text, bigint, text,
    text[], text, bigint[], text, timestamptz[]) RETURNS json' || raising;
  EXECUTE 'CREATE FUNCTION public.generate_series(integer, integer) RETURNS SETOF integer' || raising;
  EXECUTE 'CREATE FUNCTION public.date_trunc(text, timestamptz) RETURNS timestamptz' || raising;
  EXECUTE 'CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz' || raising;
  EXECUTE 'CREATE FUNCTION public.now() RETURNS timestamptz' || raising;
  EXECUTE 'CREATE FUNCTION public.jsonb_to_recordset(jsonb) RETURNS SETOF record' || raising;

  FOR op, l, r IN
    SELECT o.op, l.type, r.type
    FROM unnest('{=,<>,<,>,<=,>=,+,-,*,->,->>,||}'::text[]) AS o (op),
      unnest('{text,name,bigint,integer,float8,numeric,boolean,timestamptz,interval,json,jsonb,text[],bigint[]}'::text[])
        AS l (type),
      unnest('{text,name,bigint,integer,float8,numeric,boolean,timestamptz,interval,json,jsonb,text[],bigint[]}'::text[])
        AS r (type)
    WHERE NOT EXISTS (
      SELECT FROM pg_operator p
      WHERE p.oprname = o.op::name AND p.oprleft = l.type::regtype::oid AND p.oprright = r.type::regtype::oid)
  LOOP
    result := CASE WHEN op IN ('+', '-') THEN l WHEN op = '*' THEN 'interval' WHEN op LIKE '-%' THEN 'text'
      WHEN op = '||' THEN l ELSE 'boolean' END;
    EXECUTE format('CREATE FUNCTION public.%I(%s, %s) RETURNS %s %s', 'attacked ' || op, l, r, result, raising);
    EXECUTE format('CREATE OPERATOR public.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = public.%I)', op, l, r, 'attacked ' || op);
  END LOOP;
END $do$`;
