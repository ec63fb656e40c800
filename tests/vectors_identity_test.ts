/** The vectors of who somebody is, in a module of their own so that it runs beside the others. */
import { testVectors } from "./support/vector_suite.ts";

testVectors("identity");
